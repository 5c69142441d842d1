import { useMemo } from 'react'
import type { TableWords } from '@/lib/savedViews'
import { useParam } from './useParam'

/** What the address says of a page's table: its order and its columns. */
export function useTableWords(): TableWords {
  const [sort] = useParam('sort')
  const [columns] = useParam('columns')
  return useMemo(() => ({ sort, columns }), [sort, columns])
}
