import { useUsage } from '@/api/usage'
import type { Filter } from '@/lib/filters'
import type { Measure } from '@/lib/measures'
import { previousUpToNow } from '@/lib/period'
import { useScene } from '@/view/useView'

const MEASURES: Measure[] = [
  'spend',
  'unpriced',
  'requests',
  'tokens',
  'input_tokens',
  'cache_read_tokens',
  'cache_write_5m_tokens',
  'cache_write_1h_tokens',
  'errors',
  'latency_p50_ms',
  'latency_p95_ms',
]

/** What a name comes to in the period. */
export function useNameTotal(filters: Filter[]) {
  const { range, tz } = useScene()
  return useUsage('total', { range, tz, filters, measures: MEASURES })
}

/** The same of the period before up to now, where that is compared. */
export function useNameTotalBefore(filters: Filter[]) {
  const { view, tz, now } = useScene()
  const range = previousUpToNow(view.period, now, tz)
  const ask = { range, tz, filters, measures: MEASURES }
  const { data } = useUsage('total', ask, { enabled: view.compare })
  return view.compare ? data : undefined
}
