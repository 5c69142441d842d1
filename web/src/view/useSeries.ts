import { useMemo } from 'react'
import { type Question, useUsage } from '@/api/usage'
import type { Attribute } from '@/lib/filters'
import type { Measure } from '@/lib/measures'
import { alignedLabel } from '@/lib/period'
import { seriesQuestions } from '@/lib/question'
import { alignPrevious, tabulate } from '@/lib/series'
import { bucketStarts } from '@/lib/time'
import { type Scene, useScene } from './useView'

/** A chart's questions and answers: its series, the period before, and both totals. */
export function useSeries(measure: Measure, by: Attribute[]) {
  return useSeriesOf(useScene(), measure, by)
}

/** The same for a view that is not the page's own. */
export function useSeriesOf(scene: Scene, measure: Measure, by: Attribute[]) {
  const { view, tz, now } = scene
  const questions = seriesQuestions(scene, measure, by)
  const { possible, every } = questions
  const current = useUsage('series', questions.current)
  const before = useUsage('series', questions.before, { enabled: view.compare })
  const base = useUsage('total', questions.base, { enabled: view.compare })

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
