import { useMemo } from 'react'
import type { PlacedMarks } from '@/lib/marks'
import type { Series } from '@/lib/series'
import { bucketEnd, formatBucketInFull, type Range } from '@/lib/time'
import { MarkButtons, MarkLines } from './ChartMarks'
import { ChartTooltip, readOut } from './ChartTooltip'
import { ReadableChart } from './ReadableChart'
import { type Drawing, seriesSheet } from './seriesSheet'

interface SeriesChartProps extends Drawing {
  /** What the chart shows, in a sentence for those who do not see it. */
  label: string
  height: number
  /** Called with what was dragged over. */
  onZoom?: (range: Range) => void
  /** Called with the part of a bar that was pressed, and its time. */
  onPick?: (series: Series, range: Range) => void
  /** What happened, by the bars that it happened in. */
  marks?: PlacedMarks[]
}

/** Stacked bars, or lines for what does not add up, with the period before as a dashed line. */
export function SeriesChart({
  label,
  height,
  onZoom,
  onPick,
  marks = [],
  ...drawing
}: SeriesChartProps) {
  const { every, tz } = drawing
  const { starts } = drawing.table
  const zoomTo = (first: number, last: number) => {
    const [from, until] = [starts[first], starts[last]]
    if (from && until) onZoom?.({ from, to: bucketEnd(until, every, tz) })
  }
  const pick = (at: number, key: string) => {
    const series = drawing.table.series.find((one) => one.key === key)
    const start = starts[at]
    if (series && start) onPick?.(series, { from: start, to: bucketEnd(start, every, tz) })
  }
  const title = (at: number) => {
    const start = starts[at]
    return start ? formatBucketInFull(start, every, tz) : ''
  }
  return (
    <ReadableChart
      label={label}
      unit="bar"
      height={height}
      sheet={useSheet(drawing)}
      read={(at) => readOut(drawing, at)}
      tooltip={(at, x, width) => (
        <ChartTooltip {...drawing} at={at} title={title(at)} x={x} width={width} />
      )}
      overlay={(places) => <MarkLines placed={marks} {...places} />}
      above={(places) => <MarkButtons placed={marks} {...places} />}
      onZoom={onZoom && zoomTo}
      onPick={onPick && pick}
    />
  )
}

/** Changes when what is drawn has changed, and not when a pointer moves over it. */
function useSheet(drawing: Drawing) {
  const { table, previous, measure, every, tz, now, currency, highlight, asLines } = drawing
  return useMemo(
    () => seriesSheet({ table, previous, measure, every, tz, now, currency, highlight, asLines }),
    [table, previous, measure, every, tz, now, currency, highlight, asLines],
  )
}
