import { useSession } from '@/api/session'
import { isDecomposed } from '@/lib/insights'
import { useView } from '@/view/useView'
import { SpendDaysPanel, useSpendDays } from '@/widgets/SpendDays'
import { PartsPanel } from './PartsPanel'

/** The days that were and those to come, and what they are made of. */
export function SpendInsightPanels() {
  const [{ filters }] = useView()
  const { currency } = useSession()
  const { data } = useSpendDays(filters).insight
  return (
    <>
      <SpendDaysPanel filters={filters} />
      {data && isDecomposed(data) && <PartsPanel insight={data} currency={currency} />}
    </>
  )
}
