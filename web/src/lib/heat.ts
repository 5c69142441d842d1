import { addReadings, drawn, type Measure, nothing, type Reading } from './measures'
import type { UsageRow } from './series'
import { DAY_MS, HOUR_MS, type Range, wallClock } from './time'

export const WEEKDAYS = [
  'Monday',
  'Tuesday',
  'Wednesday',
  'Thursday',
  'Friday',
  'Saturday',
  'Sunday',
] as const

export const HOURS = 24

/** As many hours as the server tells one by one. */
const HOURS_TOLD_MAX = 10_000

/** The longest time that a heat map is folded of, in days. */
export const HEAT_DAYS_MAX = Math.floor((HOURS_TOLD_MAX * HOUR_MS) / DAY_MS)

/** How many days a time has, where a heat map cannot be folded of so many; nothing where it can. */
export function tooManyDays({ from, to }: Range): number | null {
  const days = Math.round((to.getTime() - from.getTime()) / DAY_MS)
  return days > HEAT_DAYS_MAX ? days : null
}

/** An hour of a weekday, over some weeks. */
export interface HeatCell {
  /** 0 for Monday. */
  weekday: number
  hour: number
  /** All of it together. */
  total: Reading
  /** How many such hours there were; the one that runs is one. */
  hours: number
  /** What such an hour has on average, in units of the measure; nothing where there was none. */
  mean: number | null
}

/** The hours of a day against the days of the week, Monday first. */
export interface Heat {
  cells: HeatCell[]
  /** The largest mean; 0 where there is nothing. */
  most: number
}

/**
 * Folds hours, one row each, into those of a week, by the clock of `tz`.
 *
 * Thirty days have five Mondays or four, so what is compared is an average hour. An hour that the
 * clocks skipped is none, and one that they repeat is two.
 */
export function foldHours(rows: UsageRow[], measure: Measure, tz: string, now: Date): Heat {
  const cells = Array.from({ length: WEEKDAYS.length * HOURS }, (_, at) => ({
    weekday: Math.floor(at / HOURS),
    hour: at % HOURS,
    total: nothing(measure),
    hours: 0,
  }))
  for (const { time, readings } of rows) {
    if (!time || time > now) continue
    const wall = new Date(wallClock(time, tz))
    const cell = cells[((wall.getUTCDay() + 6) % 7) * HOURS + wall.getUTCHours()]
    if (!cell) continue
    cell.total = addReadings(cell.total, readings[measure] ?? null)
    cell.hours += 1
  }
  const averaged = cells.map((cell) => ({
    ...cell,
    mean: cell.hours > 0 ? (drawn(cell.total) ?? 0) / cell.hours : null,
  }))
  const most = averaged.reduce((most, { mean }) => Math.max(most, mean ?? 0), 0)
  return { cells: averaged, most }
}

/** How many steps of colour there are, besides nothing. */
export const HEAT_STEPS = 6

/** The step of colour of a mean: 0 for nothing, then evenly up to the largest. */
export function heatStep(mean: number | null, most: number): number {
  if (mean === null || mean <= 0 || most <= 0) return 0
  return Math.min(HEAT_STEPS, Math.max(1, Math.ceil((mean / most) * HEAT_STEPS)))
}

/** `Tuesday 14:00–15:00` */
export function hourName({ weekday, hour }: Pick<HeatCell, 'weekday' | 'hour'>): string {
  return `${WEEKDAYS[weekday]} ${clock(hour)}–${clock(hour + 1)}`
}

/** `09:00` */
export function clock(hour: number): string {
  return `${String(hour % HOURS).padStart(2, '0')}:00`
}
