import { assignSlots, OTHER_KEY, type Slot } from './colour'
import type { Attribute } from './filters'
import { addReadings, type Measure, nothing, type Reading, type Readings } from './measures'

/** One line of an answer: which part of the usage, and its readings. */
export interface UsageRow {
  /** The start of the bucket, in a series. */
  time: Date | null
  /** The values of `by`, in its order; empty where an event had none. */
  names: string[]
  /** Whether this is everything beyond `top`, folded. */
  isOther: boolean
  readings: Readings
}

/** One stack of a chart, or one of its lines. */
export interface Series {
  /** The names that tell it from the others, joined. */
  key: string
  names: string[]
  label: string
  slot: Slot
  /** One reading a bucket. */
  readings: Reading[]
}

/** Everything a chart and its table show, bucket by bucket. */
export interface SeriesTable {
  starts: Date[]
  series: Series[]
  /** All series together, one reading a bucket. */
  totals: Reading[]
}

/** Series that are told apart in one chart, at most; the rest is "other". */
export const SERIES_MAX = 7

/** Joins the names of a group into a key, in which no two groups are the same. */
export function groupKey(row: Pick<UsageRow, 'names' | 'isOther'>): string {
  return row.isOther ? OTHER_KEY : row.names.join('\u0001')
}

/** What people read for a group. */
export function groupLabel(row: Pick<UsageRow, 'names' | 'isOther'>): string {
  if (row.isOther) return 'Other'
  return row.names.map((name) => name || 'not set').join(' · ') || 'All'
}

/**
 * Lays rows out as one reading for each bucket and series.
 *
 * The largest series come first, "other" last. A bucket without rows is nothing for what adds
 * up, and a gap for what does not.
 */
export function tabulate(
  rows: UsageRow[],
  starts: Date[],
  measure: Measure,
  by: Attribute[],
): SeriesTable {
  const indexes = new Map(starts.map((start, index) => [start.getTime(), index]))
  const empty = () => starts.map(() => nothing(measure))
  const groups = new Map<string, Omit<Series, 'slot'>>()
  const totals = empty()
  for (const row of rows) {
    const index = row.time ? indexes.get(row.time.getTime()) : undefined
    if (index === undefined) continue
    const key = groupKey(row)
    let group = groups.get(key)
    if (!group) {
      group = { key, names: row.names, label: groupLabel(row), readings: empty() }
      groups.set(key, group)
    }
    const reading = row.readings[measure] ?? null
    group.readings[index] = reading
    totals[index] = addReadings(totals[index] ?? null, reading)
  }
  const slots = assignSlots(by.join(), groups.keys())
  const series = [...groups.values()]
    .map((group) => ({ ...group, slot: by.length === 0 ? 0 : (slots.get(group.key) ?? null) }))
    .sort((a, b) => Number(a.key === OTHER_KEY) - Number(b.key === OTHER_KEY) || size(b) - size(a))
  return { starts, series, totals }
}

/** The table without some of its series; what is left is summed anew. */
export function withoutSeries(table: SeriesTable, hidden: ReadonlySet<string>): SeriesTable {
  if (!table.series.some(({ key }) => hidden.has(key))) return table
  const series = table.series.filter(({ key }) => !hidden.has(key))
  const totals = table.starts.map((_, at) =>
    series.reduce<Reading>((sum, one) => addReadings(sum, one.readings[at] ?? null), null),
  )
  return { ...table, series, totals }
}

/** The table with each reading summed up to its bucket; what is to come is a gap. */
export function cumulated(table: SeriesTable, now: Date): SeriesTable {
  const up = (readings: Reading[]) =>
    summedUp(readings).map((sum, at) => ((table.starts[at] ?? now) > now ? null : sum))
  const series = table.series.map((one) => ({ ...one, readings: up(one.readings) }))
  return { ...table, series, totals: up(table.totals) }
}

/** What readings come to, one by one. */
export function summedUp(readings: Reading[]): Reading[] {
  let sum: Reading = null
  return readings.map((reading) => {
    sum = addReadings(sum, reading)
    return sum
  })
}

function size(group: { readings: Reading[] }): number {
  return group.readings.reduce<number>((sum, reading) => sum + Number(reading ?? 0), 0)
}

/** The readings of a period before, laid beside the buckets of this one. */
export function alignPrevious(
  rows: UsageRow[],
  starts: Date[],
  measure: Measure,
  length: number,
): Reading[] {
  const { totals } = tabulate(rows, starts, measure, [])
  return Array.from({ length }, (_, index) =>
    index < totals.length ? (totals[index] ?? null) : null,
  )
}

/** Which buckets get a label, so that labels are at round places and not too many. */
export function labelled(
  count: number,
  isRound: (index: number) => boolean,
  max: number,
): Set<number> {
  const round = Array.from({ length: count }, (_, index) => index).filter(isRound)
  const places = round.length >= 2 ? round : Array.from({ length: count }, (_, index) => index)
  const step = Math.max(1, Math.ceil(places.length / max))
  return new Set(places.filter((_, at) => at % step === 0))
}
