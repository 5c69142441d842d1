import { useMemo } from 'react'
import { useUsage } from '@/api/usage'
import { layOutHeat } from '@/charts/heatSheet'
import { hasTotalLine, seriesSheet } from '@/charts/seriesSheet'
import { type Layout, layOut } from '@/charts/sheet'
import type { Attribute } from '@/lib/filters'
import { foldHours, tooManyDays } from '@/lib/heat'
import { isAdditive, type Measure } from '@/lib/measures'
import { cumulated, summedUp } from '@/lib/series'
import type { Shown } from '@/lib/view'
import { useSeriesOf } from '@/view/useSeries'
import type { Scene } from '@/view/useView'
import { useShownSeries } from './Legend'

/** The form that a measure can have: what does not add up has no sum and no average hour. */
export function fittingForm(shown: Shown, measure: Measure): Shown {
  const sums = shown === 'cumulative' || shown === 'heat'
  return sums && !isAdditive(measure) ? 'chart' : shown
}

export type Picture = ReturnType<typeof usePicture>

/** What a view shows, asked and laid out in the form that it has. */
export function usePicture(scene: Scene, measure: Measure, by: Attribute[], shown: Shown) {
  const { range, tz, now, currency, view } = scene
  const form = fittingForm(shown, measure)
  const series = useSeriesOf(scene, measure, by)
  const tooLong = form === 'heat' ? tooManyDays(range) : null
  const hours = useUsage(
    'series',
    { range, tz, filters: view.filters, measures: [measure], every: 'hour' },
    { enabled: form === 'heat' && tooLong === null },
  )
  const heat = useMemo(
    () => (hours.data ? foldHours(hours.data.rows, measure, tz, now) : undefined),
    [hours.data, measure, tz, now],
  )
  const isSum = form === 'cumulative'
  const table = useMemo(
    () => series.table && (isSum ? cumulated(series.table, now) : series.table),
    [series.table, isSum, now],
  )
  const previous = useMemo(
    () => series.previous && (isSum ? summedUp(series.previous) : series.previous),
    [series.previous, isSum],
  )
  const legend = useShownSeries(table)
  const asLines = form === 'line' || isSum
  const drawing = {
    previous: form === 'heat' ? null : previous,
    measure,
    every: series.every,
    tz,
    now,
    currency,
    highlight: null,
    asLines,
  }
  /** Lays it out in so many pixels, e.g. for a file; nothing where there is no picture. */
  const layOutIn = (width: number, height: number): Layout | null => {
    if (form === 'heat') return heat ? layOutHeat(heat, width, height) : null
    const shownTable = legend.shown
    if (form === 'table' || !shownTable) return null
    return layOut(seriesSheet({ ...drawing, table: shownTable }), width, height)
  }
  const hasTotal =
    form !== 'heat' &&
    legend.shown !== undefined &&
    hasTotalLine({ ...drawing, table: legend.shown })
  return {
    ...series,
    view,
    form,
    hours,
    heat,
    /** The days of the period, where they are too many for this form. */
    tooLong,
    table,
    previous,
    legend,
    drawing,
    hasTotal,
    layOutIn,
  }
}
