import { useMemo } from 'react'
import type { Measure } from '@/lib/measures'
import { useView } from '@/view/useView'
import { UsageTable } from '@/widgets/UsageTable'

/** Measures that stand beside the one that was asked for, and those that can be chosen too. */
const BESIDE: Measure[] = ['spend', 'requests', 'tokens', 'errors', 'latency_p95_ms']
const OPTIONAL: Measure[] = [
  'input_tokens',
  'output_tokens',
  'cache_read_tokens',
  'latency_p50_ms',
  'latency_p99_ms',
]

/** Every group with its readings. A row narrows the page to itself, a name leads to its page. */
export function PivotPanel() {
  const [{ measure, by, filters }] = useView()
  const measures = useMemo(
    () => [measure, ...BESIDE.filter((beside) => beside !== measure)],
    [measure],
  )
  const optional = useMemo(() => OPTIONAL.filter((one) => one !== measure), [measure])
  if (by.length === 0) return null
  return (
    <UsageTable
      title="Breakdown"
      by={by}
      filters={filters}
      measures={measures}
      optional={optional}
      narrows
    />
  )
}
