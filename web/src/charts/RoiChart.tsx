import { useMemo } from 'react'
import type { RoiBucket } from '@/api/roi'
import { formatAmount, parseAmount } from '@/lib/amount'
import type { PlacedMarks } from '@/lib/marks'
import { bucketEnd, formatBucketInFull, type Range } from '@/lib/time'
import { MarkButtons, MarkLines } from './ChartMarks'
import { ReadableChart, TooltipBox } from './ReadableChart'
import { type RoiDrawing, roiSheet } from './roiSheet'
import { runningBucket } from './seriesSheet'

interface RoiChartProps extends RoiDrawing {
  /** What the chart shows, in a sentence for those who do not see it. */
  label: string
  height: number
  /** Called with what was dragged over. */
  onZoom: (range: Range) => void
  /** What happened, by the bars that it happened in. */
  marks?: PlacedMarks[]
}

/** Revenue, spend and profit over time. */
export function RoiChart({ label, height, onZoom, marks = [], ...drawing }: RoiChartProps) {
  const { buckets, every, tz, now, currency } = drawing
  const sheet = useMemo(
    () => roiSheet({ buckets, every, tz, now, currency }),
    [buckets, every, tz, now, currency],
  )
  const starts = buckets.map(({ start }) => new Date(start))
  const title = (at: number) => {
    const start = starts[at]
    return start ? formatBucketInFull(start, every, tz) : ''
  }
  const zoomTo = (first: number, last: number) => {
    const [from, until] = [starts[first], starts[last]]
    if (from && until) onZoom({ from, to: bucketEnd(until, every, tz) })
  }
  return (
    <ReadableChart
      label={label}
      unit="bar"
      height={height}
      sheet={sheet}
      read={(at) =>
        [title(at), ...lines(buckets[at], currency).map((line) => line.join(' '))].join('; ')
      }
      tooltip={(at, x, width) => (
        <TooltipBox
          title={title(at)}
          isRunning={at === runningBucket(starts, now)}
          x={x}
          width={width}
        >
          <tbody>
            {lines(buckets[at], currency).map(([name, value]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{value}</td>
              </tr>
            ))}
          </tbody>
        </TooltipBox>
      )}
      overlay={(places) => <MarkLines placed={marks} {...places} />}
      above={(places) => <MarkButtons placed={marks} {...places} />}
      onZoom={zoomTo}
    />
  )
}

function lines(bucket: RoiBucket | undefined, currency: string): [string, string][] {
  if (!bucket) return []
  const money = (text: string) => formatAmount(parseAmount(text), currency)
  return [
    ['Revenue', money(bucket.revenue)],
    ['Spend', money(bucket.spend)],
    ['Profit', money(bucket.profit)],
  ]
}
