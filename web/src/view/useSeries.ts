import { useMemo } from 'react'
import { type Question, useUsage } from '@/api/usage'
import type { Attribute } from '@/lib/filters'
import type { Measure } from '@/lib/measures'
import { alignedLabel, alignedRange, previousUpToNow } from '@/lib/period'
import { alignPrevious, SERIES_MAX, tabulate } from '@/lib/series'
import { bucketStarts, fittingEvery, possibleEvery } from '@/lib/time'
import { type Scene, useScene } from './useView'

/** A chart's questions and answers: its series, the period before, and both totals. */
export function useSeries(measure: Measure, by: Attribute[]) {
  return useSeriesOf(useScene(), measure, by)
}

/** The same for a view that is not the page's own. */
export function useSeriesOf({ view, range, tz, now }: Scene, measure: Measure, by: Attribute[]) {
  const possible = possibleEvery(range)
  const every = view.every && possible.includes(view.every) ? view.every : fittingEvery(range)
  const ask = { tz, filters: view.filters, measures: [measure] }
  const whole = alignedRange(view.period, every, now, tz)
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

  // Buckets are the answer's: the last answer stays while the next one is on its way.
  const table = useMemo(() => {
    if (!current.data) return undefined
    const { question, rows } = current.data
    return tabulate(rows, startsOf(question), measure, question.by ?? [])
  }, [current.data, measure])
  const previous = useMemo(() => {
    if (!view.compare || !before.data || !table) return null
    const { question, rows } = before.data
    return alignPrevious(rows, startsOf(question), measure, table.starts.length)
  }, [view.compare, before.data, table, measure])

  return {
    current,
    table,
    previous,
    base: view.compare ? base.data?.total[measure] : undefined,
    every: current.data?.question.every ?? every,
    possible,
    /** What the line of the time before is, in words. */
    lineLabel: alignedLabel(view.period, every, now, tz),
  }
}

function startsOf({ range, every = 'day', tz }: Question): Date[] {
  return bucketStarts(range, every, tz)
}
