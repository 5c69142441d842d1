import { useCallback } from 'react'
import { bucketEnd, formatBucketInFull, type Range } from '@/lib/time'
import { ChartTooltip, readOut } from './ChartTooltip'
import type { Inks } from './frame'
import { chartOption, type Drawing } from './option'
import { ReadableChart } from './ReadableChart'

interface SeriesChartProps extends Drawing {
  /** What the chart shows, in a sentence for those who do not see it. */
  label: string
  height: number
  /** Called with what was dragged over. */
  onZoom: (range: Range) => void
}

/** Stacked bars, or lines for what does not add up, with the period before as a dashed line. */
export function SeriesChart({ label, height, onZoom, ...drawing }: SeriesChartProps) {
  const { every, tz } = drawing
  const { starts } = drawing.table
  const zoomTo = (first: number, last: number) => {
    const [from, until] = [starts[first], starts[last]]
    if (from && until) onZoom({ from, to: bucketEnd(until, every, tz) })
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
      count={starts.length}
      draw={useDraw(drawing)}
      read={(at) => readOut(drawing, at)}
      tooltip={(at, x, width) => (
        <ChartTooltip {...drawing} at={at} title={title(at)} x={x} width={width} />
      )}
      onZoom={zoomTo}
    />
  )
}

/** Changes when what is drawn has changed, and not when a pointer moves over it. */
function useDraw({ table, previous, measure, every, tz, now, currency, highlight }: Drawing) {
  return useCallback(
    (width: number, inks: Inks) =>
      chartOption({ table, previous, measure, every, tz, now, currency, highlight }, width, inks),
    [table, previous, measure, every, tz, now, currency, highlight],
  )
}
