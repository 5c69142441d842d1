import type { Anomaly, Driver, Drivers, ForecastDay, SpendDay, SpendInsight } from '@/wire'
import { amountText, drawnUnits, parseAmount, sumAmounts } from './amount'
import { type Attribute, type Filter, withOnly } from './filters'
import { formatChange } from './number'
import { type Day, dayOf, daysBetween, type Range } from './time'

/** Days of history at least: below that a weekly pattern and a forecast say little. */
const HISTORY_MIN = 90
const HISTORY_MAX = 730

/** How many days back are looked at, so that the period on the page is among them. */
export function historyDays(range: Range, now: Date, tz: string): number {
  const days = daysBetween(dayOf(range.from, tz), dayOf(now, tz)) + 1
  return Math.min(HISTORY_MAX, Math.max(HISTORY_MIN, days))
}

/** One day on the chart: a day that was, a day to come, or today, which is both. */
export interface InsightDay {
  date: Day
  past: SpendDay | null
  ahead: ForecastDay | null
  anomaly: Anomaly | null
}

/** All days in order, each with what is known of it. */
export function insightDays({ days, forecast, anomalies }: SpendInsight): InsightDay[] {
  const ahead = new Map((forecast?.days ?? []).map((day) => [day.date, day]))
  const odd = new Map(anomalies.map((anomaly) => [anomaly.date, anomaly]))
  const known = new Set(days.map(({ date }) => date))
  return [
    ...days.map((past) => ({
      date: past.date,
      past,
      ahead: ahead.get(past.date) ?? null,
      anomaly: odd.get(past.date) ?? null,
    })),
    ...(forecast?.days ?? [])
      .filter(({ date }) => !known.has(date))
      .map((day) => ({ date: day.date, past: null, ahead: day, anomaly: null })),
  ]
}

/** A day's spend as a float, for pixels. */
export function drawnSpend(day: InsightDay): number | null {
  return day.past ? drawnUnits(parseAmount(day.past.spend)) : null
}

/** Whether there is enough to take apart. */
export function isDecomposed({ days }: SpendInsight): boolean {
  return days.some(({ level }) => level !== null)
}

/** `Rising, +12 % over these days`, `Steady`. */
export function trendWords({ direction, growth }: SpendInsight['summary']): string {
  const word = { rising: 'Rising', falling: 'Falling', steady: 'Steady' }[direction]
  if (direction === 'steady') return word
  return `${word}, ${shareChange(growth)} over these days`
}

/** A share as a change, `0.12` as `+12 %`. */
export function shareChange(share: number): string {
  return formatChange(Math.round(share * 1000))
}

/** The drivers with those beyond `most` folded into one, so that the steps still sum up. */
export function foldDrivers(rows: Driver[], most: number): Driver[] {
  const named = rows.filter(({ other }) => !other)
  const folded = [...named.slice(most), ...rows.filter(({ other }) => other)]
  if (folded.length === 0) return named
  const sum = (of: 'before' | 'after' | 'change' | 'volume' | 'price' | 'mix') =>
    amountText(sumAmounts(folded.map((row) => parseAmount(row[of]))))
  const other: Driver = {
    group: {},
    other: true,
    before: sum('before'),
    after: sum('after'),
    change: sum('change'),
    volume: sum('volume'),
    price: sum('price'),
    mix: sum('mix'),
    presence: 'stayed',
  }
  return [...named.slice(0, most), other]
}

/** One step of the waterfall, as percents of its width. */
export interface Step {
  driver: Driver
  /** Where the floating bar begins and how long it is. */
  left: number
  width: number
  isMore: boolean
}

/** The steps from what was spent before to what is now, and where both ends stand. */
export function waterfall({ before, after, rows }: Drivers): {
  before: number
  after: number
  steps: Step[]
} {
  const units = (amount: string) => drawnUnits(parseAmount(amount))
  const stops = [units(before)]
  for (const { change } of rows) stops.push((stops.at(-1) ?? 0) + units(change))
  const highest = Math.max(...stops, units(after), Number.MIN_VALUE)
  const lowest = Math.min(0, ...stops, units(after))
  const place = (value: number) => ((value - lowest) / (highest - lowest)) * 100
  return {
    before: place(units(before)),
    after: place(units(after)),
    steps: rows.map((driver, at) => {
      const [from, to] = [place(stops[at] ?? 0), place(stops[at + 1] ?? 0)]
      return {
        driver,
        left: Math.min(from, to),
        width: Math.abs(to - from),
        isMore: to >= from,
      }
    }),
  }
}

/** What a driver is called: its values in the order of what it is grouped by. */
export function driverNames({ group }: Driver, by: Attribute[]): string[] {
  return by.map((attribute) => group[attribute] ?? '')
}

/** The filters that narrow to a driver. */
export function driverFilters(driver: Driver, by: Attribute[], filters: Filter[]): Filter[] {
  return driverNames(driver, by).reduce(
    (all, name, at) => withOnly(all, by[at] as Attribute, name),
    filters,
  )
}

/** The part that explains most of a driver's change, in words. */
export function reasonWords(driver: Driver): string {
  if (driver.presence === 'new') return 'new'
  if (driver.presence === 'gone') return 'no longer used'
  const parts = [
    ['volume', driver.volume],
    ['price', driver.price],
    ['mix', driver.mix],
  ] as const
  const sized = parts.map(([name, text]) => ({ name, nanos: parseAmount(text) }))
  const change = parseAmount(driver.change)
  if (change === 0n) return 'as before'
  // What pushes the other way explains nothing.
  const pushing = sized.filter(({ nanos }) => nanos !== 0n && nanos > 0n === change > 0n)
  const most = pushing.reduce<(typeof sized)[number] | null>(
    (max, one) => (max === null || size(one.nanos) > size(max.nanos) ? one : max),
    null,
  )
  if (!most) return ''
  const more = most.nanos > 0n
  if (most.name === 'volume') return more ? 'more of it' : 'less of it'
  if (most.name === 'price') return more ? 'more expensive requests' : 'cheaper requests'
  return more ? 'a more expensive mix' : 'a cheaper mix'
}

function size(nanos: bigint): bigint {
  return nanos < 0n ? -nanos : nanos
}
