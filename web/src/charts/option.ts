import { slotColour } from '@/lib/colour'
import { drawn, formatOnAxis, isAdditive, type Measure, type Reading } from '@/lib/measures'
import { labelled, type Series, type SeriesTable } from '@/lib/series'
import { type Every, formatBucket, formatDay, wallClock } from '@/lib/time'
import { barGap, chartFrame, type Inks, labelsMax, plotFor } from './frame'

export interface Drawing {
  table: SeriesTable
  /** The period before, bucket by bucket. */
  previous: Reading[] | null
  measure: Measure
  every: Every
  tz: string
  now: Date
  currency: string
  /** The series that stands out while the others fade. */
  highlight: string | null
}

/** How much of the colour a bucket keeps that is not over yet. */
export const PARTIAL_OPACITY = 0.55
const FADED_OPACITY = 0.18

export function chartOption(drawing: Drawing, width: number, inks: Inks) {
  const { table, previous, measure, currency } = drawing
  const stacked = isAdditive(measure)
  const series: object[] = table.series.map((one) =>
    stacked ? bars(one, drawing, inks) : line(one, drawing, inks),
  )
  if (previous) series.push(previousLine(previous, inks))
  return {
    animation: !matchMedia('(prefers-reduced-motion: reduce)').matches,
    animationDuration: 240,
    animationDurationUpdate: 200,
    animationEasing: 'cubicOut' as const,
    ...chartFrame({
      width,
      inks,
      labels: axisLabels(drawing, width - plotFor(width).left),
      format: (value) => formatOnAxis(measure, value, currency),
      min: stacked ? undefined : 0,
    }),
    series,
  }
}

function bars(series: Series, { now, table, highlight }: Drawing, inks: Inks) {
  const faded = highlight !== null && highlight !== series.key
  const opacity = faded ? FADED_OPACITY : 1
  const running = runningBucket(table.starts, now)
  return {
    id: series.key,
    type: 'bar',
    stack: 'all',
    barCategoryGap: barGap(table.starts.length),
    barMaxWidth: 44,
    itemStyle: { color: slotColour(series.slot, inks.theme), opacity },
    silent: true,
    data: series.readings.map((reading, index) => ({
      value: drawn(reading),
      itemStyle: index === running ? { opacity: opacity * PARTIAL_OPACITY } : undefined,
    })),
  }
}

function line(series: Series, { table, highlight }: Drawing, inks: Inks) {
  const faded = highlight !== null && highlight !== series.key
  const colour = slotColour(series.slot, inks.theme)
  return {
    id: series.key,
    type: 'line',
    connectNulls: false,
    showSymbol: table.starts.length <= 62,
    symbol: 'circle',
    symbolSize: 4,
    lineStyle: { color: colour, width: 1.75, opacity: faded ? FADED_OPACITY : 1 },
    itemStyle: { color: colour, opacity: faded ? FADED_OPACITY : 1 },
    silent: true,
    data: series.readings.map(drawn),
  }
}

function previousLine(previous: Reading[], inks: Inks) {
  return {
    id: '\u0000previous',
    type: 'line',
    connectNulls: false,
    showSymbol: previous.length === 1,
    symbol: 'circle',
    symbolSize: 5,
    z: 5,
    lineStyle: { color: inks.text, width: 1.5, type: [4, 4] },
    itemStyle: { color: inks.text },
    silent: true,
    data: previous.map(drawn),
  }
}

/** The bucket that `now` falls into, if it is the chart's. */
export function runningBucket(starts: Date[], now: Date): number {
  const after = starts.findIndex((start) => start > now)
  if (after >= 0) return after - 1
  const last = starts.at(-1)
  const before = starts.at(-2)
  if (!last || !before) return -1
  return now.getTime() < 2 * last.getTime() - before.getTime() ? starts.length - 1 : -1
}

/** A text for every bucket, empty where none should stand. */
export function axisLabels(
  { table, every, tz, now }: Pick<Drawing, 'every' | 'tz' | 'now'> & { table: { starts: Date[] } },
  width: number,
): string[] {
  const { starts } = table
  const max = labelsMax(width)
  const wall = starts.map((start) => new Date(wallClock(start, tz)))
  const long = every === 'hour' && starts.length > 49
  const round = long
    ? labelled(starts.length, (index) => wall[index]?.getUTCHours() === 0, max)
    : labelled(starts.length, () => true, max)
  return starts.map((start, index) => {
    if (!round.has(index)) return ''
    return long ? formatDay(start, tz, now) : formatBucket(start, every, tz)
  })
}
