import type { components, Day } from '@outlay/client'

/** A calendar day without a zone, `YYYY-MM-DD`. */
export type { Day }

/** How wide a bucket of a series is. */
export type Every = components['schemas']['Every']

export const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS

const formats = new Map<string, Intl.DateTimeFormat>()

function format(tz: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${tz} ${JSON.stringify(options)}`
  const known = formats.get(key)
  if (known) return known
  const made = new Intl.DateTimeFormat('en-GB', { timeZone: tz, ...options })
  formats.set(key, made)
  return made
}

const CLOCK: Intl.DateTimeFormatOptions = {
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
}

/** Whether this is a zone that the browser knows, e.g. `Europe/Berlin`. */
export function isZone(tz: string): boolean {
  try {
    format(tz, CLOCK)
    return true
  } catch {
    return false
  }
}

/** What the wall clock in `tz` shows at `at`, as milliseconds as if it were UTC. */
export function wallClock(at: Date, tz: string): number {
  if (tz === 'UTC') return at.getTime()
  return at.getTime() + offsetOf(Math.floor(at.getTime() / QUARTER_MS), tz)
}

/** Clocks are changed at whole quarters of an hour, so each of them has one offset. */
const QUARTER_MS = 15 * MINUTE_MS
/** Quarters that are remembered of a zone, at most: enough for every bucket of some charts. */
const OFFSETS_MAX = 20_000
const offsets = new Map<string, Map<number, number>>()

/** How far a zone's clock is ahead of UTC in a quarter of an hour; asking the browser takes long. */
function offsetOf(quarter: number, tz: string): number {
  const known = offsets.get(tz) ?? new Map<number, number>()
  offsets.set(tz, known)
  const remembered = known.get(quarter)
  if (remembered !== undefined) return remembered
  const at = new Date(quarter * QUARTER_MS)
  const offset = shownClock(at, tz) - at.getTime()
  if (known.size >= OFFSETS_MAX) known.clear()
  known.set(quarter, offset)
  return offset
}

/** What the browser says that the wall clock in `tz` shows, to the second. */
function shownClock(at: Date, tz: string): number {
  const parts: Record<string, number> = {}
  for (const part of format(tz, CLOCK).formatToParts(at)) parts[part.type] = Number(part.value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts
  return Date.UTC(year, month - 1, day, hour, minute, second)
}

/**
 * The moment at which the wall clock in `tz` shows `wall`.
 *
 * A time that is skipped in spring is the moment after the gap; of a time that comes twice in
 * autumn it is the first.
 */
export function momentOf(wall: number, tz: string): Date {
  const offsetAt = (at: number) => wallClock(new Date(at), tz) - at
  const offsets = [offsetAt(wall - DAY_MS), offsetAt(wall + DAY_MS)]
  const fits = offsets.map((offset) => wall - offset).filter((at) => at + offsetAt(at) === wall)
  return new Date(fits.length > 0 ? Math.min(...fits) : wall - Math.min(...offsets))
}

export function dayOf(at: Date, tz: string): Day {
  return new Date(wallClock(at, tz)).toISOString().slice(0, 10) as Day
}

export function startOfDay(day: Day, tz: string): Date {
  return momentOf(Date.parse(`${day}T00:00:00Z`), tz)
}

export function isDay(text: string): text is Day {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false
  const at = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text)
}

export function addDays(day: Day, days: number): Day {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10) as Day
}

/** Months later; the 31st becomes the month's last day where there is no 31st. */
export function addMonths(day: Day, months: number): Day {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number)
  const last = new Date(Date.UTC(year, month + months, 0)).getUTCDate()
  const moved = Date.UTC(year, month - 1 + months, Math.min(date, last))
  return new Date(moved).toISOString().slice(0, 10) as Day
}

/** Monday of the week. */
export function startOfWeek(day: Day): Day {
  const weekday = new Date(`${day}T00:00:00Z`).getUTCDay()
  return addDays(day, -((weekday + 6) % 7))
}

export function startOfMonth(day: Day): Day {
  return `${day.slice(0, 7)}-01` as Day
}

export function daysBetween(from: Day, to: Day): number {
  return Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS)
}

/** A span of time, half open: `[from, to)`. */
export interface Range {
  from: Date
  to: Date
}

/** A span of time, as questions name it. */
export function rangeQuery({ from, to }: Range): { from: string; to: string } {
  return { from: from.toISOString(), to: to.toISOString() }
}

/** Buckets in one series, at most; more would be narrower than a pixel. */
const BUCKETS_MAX = 2_000

/** The starts of the buckets of `every` that overlap `range`. */
export function bucketStarts(range: Range, every: Every, tz: string): Date[] {
  const starts: Date[] = []
  let start = bucketStart(range.from, every, tz)
  while (start < range.to && starts.length < BUCKETS_MAX) {
    starts.push(start)
    start = bucketEnd(start, every, tz)
  }
  return starts
}

export function bucketStart(at: Date, every: Every, tz: string): Date {
  const day = dayOf(at, tz)
  if (every === 'day') return startOfDay(day, tz)
  if (every === 'week') return startOfDay(startOfWeek(day), tz)
  if (every === 'month') return startOfDay(startOfMonth(day), tz)
  // Zones are whole quarters of an hour apart, so an hour may start at :15, :30 or :45 of UTC.
  const offset = wallClock(at, tz) - at.getTime()
  const hours = Math.floor((at.getTime() + offset) / HOUR_MS)
  return new Date(hours * HOUR_MS - offset)
}

export function bucketEnd(start: Date, every: Every, tz: string): Date {
  if (every === 'hour') return new Date(start.getTime() + HOUR_MS)
  const day = dayOf(start, tz)
  if (every === 'day') return startOfDay(addDays(day, 1), tz)
  if (every === 'week') return startOfDay(addDays(day, 7), tz)
  return startOfDay(addMonths(day, 1), tz)
}

/** The finest bucket that still gives a chart people can read. */
export function fittingEvery(range: Range): Every {
  const days = (range.to.getTime() - range.from.getTime()) / DAY_MS
  if (days <= 2.1) return 'hour'
  if (days <= 93) return 'day'
  if (days <= 366) return 'week'
  return 'month'
}

/** The buckets that make sense for a range: at least two, and not more than can be drawn. */
export function possibleEvery(range: Range): Every[] {
  const hours = (range.to.getTime() - range.from.getTime()) / HOUR_MS
  const sizes: [Every, number][] = [
    ['hour', 1],
    ['day', 24],
    ['week', 168],
    ['month', 720],
  ]
  const fitting = sizes.filter(([, size]) => hours / size >= 1 && hours / size <= 800)
  return fitting.length > 0 ? fitting.map(([every]) => every) : ['hour']
}

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')
const MONTHS_IN_FULL =
  'January February March April May June July August September October November December'.split(' ')
const WEEKDAYS = 'Sun Mon Tue Wed Thu Fri Sat'.split(' ')

/** The wall clock as text, `YYYY-MM-DDTHH:MM:SS`, and the names on its calendar. */
function written(at: Date, tz: string) {
  const wall = new Date(wallClock(at, tz))
  return {
    time: wall.toISOString().slice(11, 19),
    date: wall.getUTCDate(),
    month: MONTHS[wall.getUTCMonth()],
    monthInFull: MONTHS_IN_FULL[wall.getUTCMonth()],
    weekday: WEEKDAYS[wall.getUTCDay()],
    year: wall.getUTCFullYear(),
  }
}

/** `14:32` */
export function formatTime(at: Date, tz: string): string {
  return written(at, tz).time.slice(0, 5)
}

/** `14:32:07` */
export function formatTimeToSecond(at: Date, tz: string): string {
  return written(at, tz).time
}

/** `Wed` */
export function formatWeekday(at: Date, tz: string): string {
  return written(at, tz).weekday ?? ''
}

/** `3 Sep`, with the year where it is not this one. */
export function formatDay(at: Date, tz: string, now: Date): string {
  const { date, month, year } = written(at, tz)
  return year === written(now, tz).year ? `${date} ${month}` : `${date} ${month} ${year}`
}

/** `Wed 3 Sep 2025` */
export function formatDayInFull(at: Date, tz: string): string {
  const { weekday, date, month, year } = written(at, tz)
  return `${weekday} ${date} ${month} ${year}`
}

/** `3 Sep 2025, 14:32:07 UTC`: a moment by itself says whose clock it is of. */
export function formatMoment(at: Date, tz: string): string {
  const { date, month, year, time } = written(at, tz)
  return `${date} ${month} ${year}, ${time} ${formatOffset(at, tz)}`
}

/** What a bucket is called on an axis. */
export function formatBucket(at: Date, every: Every, tz: string): string {
  const { time, date, month, year } = written(at, tz)
  if (every === 'hour') return time.slice(0, 5)
  return every === 'month' ? `${month} ${year}` : `${date} ${month}`
}

/** What a bucket is called in a tooltip or a table. */
export function formatBucketInFull(at: Date, every: Every, tz: string): string {
  const { monthInFull, year } = written(at, tz)
  if (every === 'month') return `${monthInFull} ${year}`
  const day = formatDayInFull(at, tz)
  if (every === 'week') return `Week from ${day}`
  if (every === 'day') return day
  return `${day}, ${formatTime(at, tz)}–${formatTime(new Date(at.getTime() + HOUR_MS), tz)}`
}

/** How long ago, roughly: `just now`, `40 s ago`, `5 min ago`, `3 h ago`, `2 d ago`. */
export function formatAgo(at: Date, now: Date): string {
  const seconds = Math.round((now.getTime() - at.getTime()) / 1_000)
  if (seconds < 5) return 'just now'
  if (seconds < 60) return `${seconds} s ago`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`
  return `${Math.floor(seconds / 86_400)} d ago`
}

/** `UTC+02:00`, to be said beside the name of the zone. */
export function formatOffset(at: Date, tz: string): string {
  const minutes = Math.round((wallClock(at, tz) - at.getTime()) / MINUTE_MS)
  if (minutes === 0) return 'UTC'
  const size = Math.abs(minutes)
  const pad = (value: number) => String(value).padStart(2, '0')
  return `UTC${minutes < 0 ? '−' : '+'}${pad(Math.floor(size / 60))}:${pad(size % 60)}`
}

/** The moment that is so many hours ahead, as the API takes it. */
export function hoursFromNow(hours: number): string {
  return new Date(Date.now() + hours * HOUR_MS).toISOString()
}
