import { slotVariable } from '@/lib/colour'
import {
  drawn,
  formatOnAxis,
  isAdditive,
  MEASURES,
  type Measure,
  type Reading,
} from '@/lib/measures'
import { labelled, type Series, type SeriesTable } from '@/lib/series'
import { type Every, formatBucket, formatDay, wallClock } from '@/lib/time'
import { barGap, labelsMax } from './frame'
import type { Bars, Line, Sheet } from './sheet'

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
  /** Lines, although the figures add up and could be stacked. */
  asLines?: boolean
}

/** How much of the colour a bucket keeps that is not over yet. */
export const PARTIAL_OPACITY = 0.55
const FADED_OPACITY = 0.18
/** Dots are told apart up to so many places. */
export const DOTS_MAX = 62

export function seriesSheet(drawing: Drawing): Sheet {
  const { table, previous, measure, currency, asLines } = drawing
  const stacked = isAdditive(measure) && !asLines
  const marks = table.series.map((one) => (stacked ? bars(one, drawing) : line(one, drawing)))
  return {
    count: table.starts.length,
    labels: (width) => axisLabels(drawing, width),
    format: (value) => formatOnAxis(measure, value, currency),
    isWhole: MEASURES[measure].kind === 'count',
    gap: barGap(table.starts.length),
    barMax: 44,
    marks: [
      ...marks,
      ...(hasTotalLine(drawing) ? [totalLine(table.totals)] : []),
      ...(previous ? [previousLine(previous)] : []),
    ],
  }
}

function bars(series: Series, { now, table, highlight }: Drawing): Bars {
  const opacity = highlight !== null && highlight !== series.key ? FADED_OPACITY : 1
  return {
    kind: 'bars',
    id: series.key,
    stack: 'all',
    values: series.readings.map(drawn),
    paint: { fill: slotVariable(series.slot), opacity },
    running: {
      at: runningBucket(table.starts, now),
      paint: { opacity: opacity * PARTIAL_OPACITY },
    },
  }
}

function line(series: Series, { table, highlight }: Drawing): Line {
  const opacity = highlight !== null && highlight !== series.key ? FADED_OPACITY : 1
  const colour = slotVariable(series.slot)
  return {
    kind: 'line',
    id: series.key,
    values: series.readings.map(drawn),
    paint: { stroke: colour, strokeWidth: 1.75, opacity },
    dots:
      table.starts.length <= DOTS_MAX ? { radius: 2, paint: { fill: colour, opacity } } : undefined,
  }
}

/** Dashes of the text's colour on a strip of the card's: seen on every colour, in both themes. */
function previousLine(previous: Reading[]): Line {
  return {
    kind: 'line',
    id: '\u0000previous',
    values: previous.map(drawn),
    paint: { stroke: 'var(--ink-1)', strokeWidth: 1.5, dash: '4 3' },
    rim: { stroke: 'var(--surface)', strokeWidth: 4.5 },
  }
}

/** Whether lines that add up have one of what they add up to, which the time before is set beside. */
export function hasTotalLine({ table, measure, asLines }: Drawing): boolean {
  return asLines === true && isAdditive(measure) && table.series.length > 1
}

function totalLine(totals: Reading[]): Line {
  return {
    kind: 'line',
    id: '\u0000total',
    values: totals.map(drawn),
    paint: { stroke: 'var(--ink-1)', strokeWidth: 2 },
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
