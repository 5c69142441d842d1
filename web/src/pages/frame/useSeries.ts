import { useMemo } from 'react'
import { useUsage } from '@/api/usage'
import type { Attribute } from '@/lib/filters'
import type { Measure } from '@/lib/measures'
import { previousRange, previousUpToNow } from '@/lib/period'
import { alignPrevious, SERIES_MAX, tabulate } from '@/lib/series'
import { bucketStarts, fittingEvery, possibleEvery } from '@/lib/time'
import { useScene } from './useView'

/** A chart's questions and answers: its series, the period before, and both totals. */
export function useSeries(measure: Measure, by: Attribute[]) {
  const { view, range, tz, now } = useScene()
  const possible = possibleEvery(range)
  const every = view.every && possible.includes(view.every) ? view.every : fittingEvery(range)
  const ask = { tz, filters: view.filters, measures: [measure] }
  const whole = useMemo(() => previousRange(view.period, now, tz), [view.period, now, tz])
  const upToNow = previousUpToNow(view.period, now, tz)

  const current = useUsage('series', {
    ...ask,
    range,
    every,
    by,
    top: by.length > 0 ? SERIES_MAX : undefined,
  })
  const before = useUsage('series', { ...ask, range: whole, every }, { enabled: view.compare })
  const base = useUsage('total', { ...ask, range: upToNow }, { enabled: view.compare })

  const starts = useMemo(() => bucketStarts(range, every, tz), [range, every, tz])
  const table = useMemo(
    () => current.data && tabulate(current.data.rows, starts, measure, by),
    [current.data, starts, measure, by],
  )
  const previous = useMemo(() => {
    if (!view.compare || !before.data) return null
    return alignPrevious(before.data.rows, bucketStarts(whole, every, tz), measure, starts.length)
  }, [view.compare, before.data, whole, every, tz, measure, starts.length])

  return {
    current,
    table,
    previous,
    base: view.compare ? base.data?.total[measure] : undefined,
    every,
    possible,
  }
}
