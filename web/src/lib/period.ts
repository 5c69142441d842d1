import {
  addDays,
  addMonths,
  DAY_MS,
  type Day,
  dayOf,
  type Every,
  formatDay,
  formatTime,
  isDay,
  MINUTE_MS,
  momentOf,
  type Range,
  startOfDay,
  startOfMonth,
  startOfWeek,
  wallClock,
} from './time'

export const PRESETS = {
  today: 'Today',
  yesterday: 'Yesterday',
  '7d': 'Last 7 days',
  '30d': 'Last 30 days',
  '90d': 'Last 90 days',
  week: 'This week',
  month: 'This month',
  'last-month': 'Last month',
  year: 'This year',
  '12m': 'Last 12 months',
} as const

export type Preset = keyof typeof PRESETS

/** What people picked. A bound is a day, or a moment where somebody zoomed into hours. */
export type Period = { kind: 'preset'; preset: Preset } | { kind: 'custom'; from: Bound; to: Bound }

/** `YYYY-MM-DD` or RFC 3339. As days, both ends are included: that is how people say it. */
export type Bound = string

export const DEFAULT_PERIOD: Period = { kind: 'preset', preset: '30d' }

export function isPreset(text: string): text is Preset {
  return Object.hasOwn(PRESETS, text)
}

/** What a preset spans, as whole days `[from, to)`. */
function presetDays(preset: Preset, today: Day): [Day, Day] {
  const tomorrow = addDays(today, 1)
  const month = startOfMonth(today)
  switch (preset) {
    case 'today':
      return [today, tomorrow]
    case 'yesterday':
      return [addDays(today, -1), today]
    case '7d':
      return [addDays(today, -6), tomorrow]
    case '30d':
      return [addDays(today, -29), tomorrow]
    case '90d':
      return [addDays(today, -89), tomorrow]
    case 'week':
      return [startOfWeek(today), addDays(startOfWeek(today), 7)]
    case 'month':
      return [month, addMonths(month, 1)]
    case 'last-month':
      return [addMonths(month, -1), month]
    case 'year':
      return [`${today.slice(0, 4)}-01-01` as Day, `${Number(today.slice(0, 4)) + 1}-01-01` as Day]
    case '12m':
      return [addMonths(month, -11), addMonths(month, 1)]
  }
}

/** The span that a period means at `now`, on the calendar of `tz`. */
export function rangeOf(period: Period, now: Date, tz: string): Range {
  if (period.kind === 'custom') {
    return { from: lowerBound(period.from, tz), to: upperBound(period.to, tz) }
  }
  const [from, to] = presetDays(period.preset, dayOf(now, tz))
  return { from: startOfDay(from, tz), to: startOfDay(to, tz) }
}

function lowerBound(bound: Bound, tz: string): Date {
  return isDay(bound) ? startOfDay(bound, tz) : new Date(bound)
}

function upperBound(bound: Bound, tz: string): Date {
  return isDay(bound) ? startOfDay(addDays(bound, 1), tz) : new Date(bound)
}

/**
 * The range that this one is compared with, as the API decides it too: as many months before where
 * it is whole months, otherwise the same weekdays of some weeks before.
 */
export function previousRange(period: Period, now: Date, tz: string): Range {
  const range = rangeOf(period, now, tz)
  const months = monthsOf(range, tz)
  return months === null ? weeksBefore(range, tz) : shiftedByMonths(range, months, tz)
}

/**
 * What a chart lays beneath a range, bar by bar: always the same weekdays, because a line of a
 * month before would have weekends in the middle of weeks. Bars of months have no weekdays.
 */
export function alignedRange(period: Period, every: Every, now: Date, tz: string): Range {
  return every === 'month'
    ? previousRange(period, now, tz)
    : weeksBefore(rangeOf(period, now, tz), tz)
}

/** How many days before a range the weekdays lie that it is compared with: 28 for 30 days. */
function daysBefore(range: Range, tz: string): number {
  const days = Math.floor((wallClock(range.to, tz) - wallClock(range.from, tz)) / DAY_MS)
  return 7 * Math.max(1, Math.floor((days + 3) / 7))
}

function weeksBefore(range: Range, tz: string): Range {
  const back = daysBefore(range, tz) * DAY_MS
  const shift = (at: Date) => momentOf(wallClock(at, tz) - back, tz)
  return { from: shift(range.from), to: shift(range.to) }
}

/** How many whole months a range is; nothing where it is not. */
function monthsOf({ from, to }: Range, tz: string): number | null {
  const isMonthStart = (at: Date) => isMidnight(at, tz) && dayOf(at, tz).endsWith('-01')
  if (!isMonthStart(from) || !isMonthStart(to)) return null
  const count = (at: Date) => {
    const [year, month] = dayOf(at, tz).split('-').map(Number)
    return (year ?? 0) * 12 + (month ?? 0)
  }
  return count(to) - count(from)
}

function shiftedByMonths(range: Range, months: number, tz: string): Range {
  return { from: startOfDay(addMonths(dayOf(range.from, tz), -months), tz), to: range.from }
}

function isMidnight(at: Date, tz: string): boolean {
  return startOfDay(dayOf(at, tz), tz).getTime() === at.getTime()
}

/**
 * The previous range, cut at the moment that this one has reached.
 *
 * Half a month is compared with the same half of the last one, by the wall clock, so that a
 * change to summer time does not shift the comparison. Never later than the range's own end: on
 * the 31st, all of a shorter month is the fair comparison.
 */
export function previousUpToNow(period: Period, now: Date, tz: string): Range {
  const range = rangeOf(period, now, tz)
  const previous = previousRange(period, now, tz)
  if (!isRunning(range, now)) return previous
  const elapsed = wallClock(now, tz) - wallClock(range.from, tz)
  const reached = momentOf(wallClock(previous.from, tz) + elapsed, tz)
  // In the first minute of a range there is nothing to compare with yet; an empty one cannot be asked.
  const begun = new Date(Math.max(reached.getTime(), previous.from.getTime() + MINUTE_MS))
  return { from: previous.from, to: begun < previous.to ? begun : previous.to }
}

/** Whether the range is not over yet, so that its figures are partial. */
export function isRunning(range: Range, now: Date): boolean {
  return range.from <= now && now < range.to
}

export function periodLabel(period: Period, now: Date, tz: string): string {
  return period.kind === 'preset'
    ? PRESETS[period.preset]
    : rangeLabel(rangeOf(period, now, tz), now, tz)
}

/** `3–9 Sep`, `28 Aug – 3 Sep`, or with times where the range does not begin at midnight. */
export function rangeLabel(range: Range, now: Date, tz: string): string {
  if (!isMidnight(range.from, tz) || !isMidnight(range.to, tz)) return hoursLabel(range, now, tz)
  const last = new Date(range.to.getTime() - 1)
  const from = formatDay(range.from, tz, now)
  const to = formatDay(last, tz, now)
  return from === to ? from : `${from} – ${to}`
}

function hoursLabel(range: Range, now: Date, tz: string): string {
  const from = `${formatDay(range.from, tz, now)}, ${formatTime(range.from, tz)}`
  const sameDay = dayOf(range.from, tz) === dayOf(new Date(range.to.getTime() - 1), tz)
  const to = formatTime(range.to, tz)
  return sameDay ? `${from}–${to}` : `${from} – ${formatDay(range.to, tz, now)}, ${to}`
}

/** What the comparison is with, in words: `28 days before`, `last month`. */
export function previousLabel(period: Period, now: Date, tz: string): string {
  if (period.kind === 'preset') {
    const words: Partial<Record<Preset, string>> = {
      week: 'last week',
      month: 'last month',
      'last-month': 'the month before',
      year: 'last year',
      '12m': 'the 12 months before',
    }
    const known = words[period.preset]
    if (known) return known
  }
  const range = rangeOf(period, now, tz)
  const months = monthsOf(range, tz)
  if (months === null) return `${daysBefore(range, tz)} days before`
  return months === 1 ? 'the month before' : `the ${months} months before`
}

/** What a chart's dashed line is, in words. */
export function alignedLabel(period: Period, every: Every, now: Date, tz: string): string {
  return every === 'month'
    ? previousLabel(period, now, tz)
    : `${daysBefore(rangeOf(period, now, tz), tz)} days before`
}
