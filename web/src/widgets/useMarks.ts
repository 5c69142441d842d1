import { useMemo } from 'react'
import { useAnnotations } from '@/api/annotations'
import { useSpendInsight } from '@/api/insights'
import type { Filter } from '@/lib/filters'
import { historyDays, type InsightDay } from '@/lib/insights'
import { levelMarks, type Mark, marksOf, placedMarks } from '@/lib/marks'
import type { Measure } from '@/lib/measures'
import { bucketEnd, type Every, startOfDay } from '@/lib/time'
import type { Scene } from '@/view/useView'

/** The horizon of the analysis as the pages of days ask for it, so that one answer serves both. */
const HORIZON = 30

interface MarksAsked {
  scene: Scene
  filters: Filter[]
  /** What is charted; new levels are those of spend. */
  measure: Measure
  /** Whether the chart stands, so that marks are asked for after it. */
  enabled: boolean
}

/** What happened in the time of a chart: what people wrote, what the server knows, new levels. */
export function useMarks({ scene, filters, measure, enabled }: MarksAsked): Mark[] {
  const { range, tz, now, currency } = scene
  const annotations = useAnnotations({ range, filters }, { enabled })
  const insight = useSpendInsight(
    { days: historyDays(range, now, tz), horizon: HORIZON, tz, filters },
    { enabled: enabled && measure === 'spend' },
  )
  return useMemo(() => {
    const levels = measure === 'spend' ? levelMarks(insight.data?.changes ?? [], tz, currency) : []
    const within = levels.filter(({ at }) => range.from <= at && at < range.to)
    return [...marksOf(annotations.data ?? []), ...within].sort(
      (a, b) => a.at.getTime() - b.at.getTime(),
    )
  }, [annotations.data, insight.data, measure, tz, currency, range])
}

/** What happened on the days of an analysis, which draws new levels by itself. */
export function useDayMarks(filters: Filter[], days: InsightDay[], tz: string) {
  const starts = useMemo(() => days.map(({ date }) => startOfDay(date, tz)), [days, tz])
  const [first, last] = [starts[0], starts.at(-1)]
  const range = useMemo(
    () => ({ from: first ?? new Date(0), to: last ? bucketEnd(last, 'day', tz) : new Date(0) }),
    [first, last, tz],
  )
  const annotations = useAnnotations({ range, filters }, { enabled: first !== undefined })
  const marks = useMemo(() => marksOf(annotations.data ?? []), [annotations.data])
  return { marks, placed: usePlacedMarks(marks, starts, 'day', tz) }
}

/** The marks where a chart's buckets have them. */
export function usePlacedMarks(
  marks: Mark[],
  starts: Date[] | undefined,
  every: Every,
  tz: string,
) {
  return useMemo(() => {
    const last = starts?.at(-1)
    return last ? placedMarks(marks, starts ?? [], bucketEnd(last, every, tz)) : []
  }, [marks, starts, every, tz])
}
