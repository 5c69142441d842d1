import type {
  AnyBudget,
  Budget,
  BudgetDraft,
  BudgetPeriod,
  BudgetState,
  Enforcement,
  Threshold,
} from '@/wire'
import { type Amount, addAmounts, drawnUnits, parseAmount } from './amount'
import { type Filter, readScope, scopeBody } from './filters'
import { fieldText, formatCountExactly, formatShare, readNumber, readWhole, THIN } from './number'
import type { Period } from './period'
import type { Refusal } from './refusal'
import { addDays, DAY_MS, type Day, formatDay, isDay, startOfDay } from './time'
import { DEFAULT_VIEW, type View } from './view'

/** The lengths that a budget repeats in, and those that do not follow the calendar. */
export const PERIODS: Record<BudgetPeriod['every'], string> = {
  day: 'Every day',
  week: 'Every week',
  month: 'Every month',
  quarter: 'Every quarter',
  year: 'Every year',
  rolling: 'The last days, rolling',
  once: 'Once, between two dates',
}

/** `Every month`, `The last 7 days, rolling`, `Once`. */
export function periodWords(period: BudgetPeriod): string {
  if (period.every === 'once') return 'Once'
  if (period.every !== 'rolling') return PERIODS[period.every]
  return period.days === 1 ? 'Today, rolling' : `The last ${period.days} days, rolling`
}

/** Whether what is left can go into a next window. */
export function canCarryOver(every: BudgetPeriod['every']): boolean {
  return every !== 'rolling' && every !== 'once'
}

export const STATE_WORDS: Record<BudgetState, string> = {
  within: 'Within budget',
  warned: 'Threshold reached',
  overrunning: 'Heading over',
  spent: 'Spent',
}

/** When the money is gone, in a sentence. */
export function crossingWords({ period, status, tz }: Budget, now: Date): string {
  const day = status.crossed_on && formatDay(startOfDay(status.crossed_on, tz), tz, now)
  if (status.state === 'spent') return day ? `Spent on ${day}` : 'All of it is spent'
  if (day) return `Will be spent on ${day}`
  if (now < new Date(status.from)) return 'Not begun yet'
  if (now >= new Date(status.to)) return 'Ended'
  if (status.projected === null) return 'Too early to say'
  return period.every === 'rolling' ? 'Within budget' : 'Within budget to the end'
}

const URGENCY: BudgetState[] = ['spent', 'overrunning', 'warned', 'within']

/** The budgets that need somebody first, the fullest first among equals. */
export function byUrgency(budgets: Budget[]): Budget[] {
  return budgets.toSorted(
    (a, b) =>
      URGENCY.indexOf(a.status.state) - URGENCY.indexOf(b.status.state) ||
      b.status.percent - a.status.percent ||
      a.name.localeCompare(b.name),
  )
}

/** Whether it was held against spend. */
export function isJudged(budget: AnyBudget): budget is Budget {
  return budget.status !== null
}

/**
 * Days of the window that are to come, the running one included; all of them before it begins. A
 * rolling window never ends.
 */
export function daysLeft({ period, status }: Budget, now: Date): number | null {
  if (period.every === 'rolling') return null
  const from = Math.max(now.getTime(), Date.parse(status.from))
  return Math.max(0, Math.ceil((Date.parse(status.to) - from) / DAY_MS))
}

/** A share of a budget, rounded down: all of it is spent when it is, and not before. */
export function usedShare(percent: number): string {
  if (Math.abs(percent) >= 1000) return `${formatCountExactly(Math.trunc(percent))}${THIN}%`
  const tenths = Math.abs(percent) < 10 ? Math.trunc(percent * 10) : Math.trunc(percent) * 10
  return formatShare(tenths)
}

/** Where everything stands on a budget's bar, in percent of its width. */
export interface BarLayout {
  spent: number
  /** The end of what may be spent; 100 unless more was or will be spent. */
  limit: number
  projected: number | null
  /** Whether more was or will be spent than fits. */
  isCut: boolean
  /** Four of five times the window ends between these. */
  range: [number, number] | null
  ticks: (Threshold & { at: number; isReached: boolean })[]
}

/** What was spent, captured from holds without an event or not. */
export function usedOf(status: Budget['status']): Amount {
  return addAmounts(parseAmount(status.spent), parseAmount(status.captured))
}

/** How far a bar reaches beyond its budget at most, so that a mistake of a digit stays legible. */
const OVER_MAX = 2

export function barLayout({ status, thresholds }: Budget): BarLayout {
  const available = Math.max(drawnUnits(parseAmount(status.available)), Number.MIN_VALUE)
  const spent = Math.max(0, drawnUnits(usedOf(status)))
  const { projected, projected_low: low, projected_high: high } = status
  const furthest = Math.max(available, spent, projected ?? 0, high ?? 0)
  const whole = Math.min(furthest, available * OVER_MAX)
  const place = (amount: number) => Math.min(100, Math.max(0, (amount / whole) * 100))
  const isReached = (one: Threshold) =>
    status.reached.some(({ percent, basis }) => percent === one.percent && basis === one.basis)
  return {
    spent: place(spent),
    limit: place(available),
    projected: projected === null ? null : place(Math.max(projected, spent)),
    isCut: Math.max(spent, projected ?? 0) > whole,
    range:
      low === null || high === null
        ? null
        : [place(Math.max(low, spent)), place(Math.max(high, spent))],
    ticks: thresholds
      .filter(({ percent }) => (available * percent) / 100 <= whole)
      .map((one) => ({
        ...one,
        at: place((available * one.percent) / 100),
        isReached: isReached(one),
      })),
  }
}

/** Where a budget's window ends as things go, and what of it comes on each day that is left. */
export interface BudgetAhead {
  expected: number | null
  low: number | null
  high: number | null
  /** From the running day on. */
  days: number[]
}

/**
 * What a budget expects of the days to come: as much as its forecast says in all, told apart as the
 * forecast of single days has them, and evenly where there is none.
 */
export function budgetAhead(
  { spent, projected, projected_low, projected_high }: Budget['status'],
  daysAhead: Day[],
  expectedOn: ReadonlyMap<Day, number>,
): BudgetAhead {
  if (projected === null || daysAhead.length === 0) {
    return { expected: null, low: null, high: null, days: [] }
  }
  const rest = Math.max(0, projected - drawnUnits(parseAmount(spent)))
  const shares = daysAhead.map((day) => Math.max(0, expectedOn.get(day) ?? 0))
  const all = shares.reduce((sum, share) => sum + share, 0)
  const days = shares.map((share) => rest * (all > 0 ? share / all : 1 / daysAhead.length))
  return { expected: projected, low: projected_low, high: projected_high, days }
}

/** The page of a budget. */
export function budgetPath(id: string): string {
  return `/budget/${encodeURIComponent(id)}`
}

/** The view of exactly the usage that a budget counts, in its present window. */
export function usageBehind({ scope, status, tz }: Budget, homeZone: string): View {
  const period: Period = {
    kind: 'custom',
    from: status.from.slice(0, 10),
    to: addDays(status.to.slice(0, 10) as Day, -1),
  }
  return { ...DEFAULT_VIEW, period, tz: tz === homeZone ? null : tz, filters: readScope(scope) }
}

/** A budget as the form holds it, where a field may be half written. */
export interface BudgetForm {
  name: string
  amount: string
  every: BudgetPeriod['every']
  days: string
  first: string
  last: string
  tz: string
  filters: Filter[]
  enforcement: Enforcement
  thresholds: ThresholdField[]
  carriesOver: boolean
}

/** A threshold whose share may be half written. */
export interface ThresholdField {
  percent: string
  basis: Threshold['basis']
}

const USUAL_THRESHOLDS: ThresholdField[] = [
  { percent: '80', basis: 'actual' },
  { percent: '100', basis: 'actual' },
  { percent: '100', basis: 'forecast' },
]

export function emptyForm(tz: string, today: Day): BudgetForm {
  return {
    name: '',
    amount: '',
    every: 'month',
    days: '30',
    first: today,
    last: addDays(today, 29),
    tz,
    filters: [],
    enforcement: 'soft',
    thresholds: USUAL_THRESHOLDS,
    carriesOver: false,
  }
}

export function formOf(budget: AnyBudget, today: Day): BudgetForm {
  const { period } = budget
  const empty = emptyForm(budget.tz, today)
  return {
    ...empty,
    name: budget.name,
    amount: fieldText(budget.amount),
    every: period.every,
    days: period.every === 'rolling' ? String(period.days) : empty.days,
    first: period.every === 'once' ? period.first : empty.first,
    last: period.every === 'once' ? period.last : empty.last,
    filters: readScope(budget.scope),
    enforcement: budget.enforcement,
    thresholds: budget.thresholds.map(({ percent, basis }) => ({
      percent: String(percent),
      basis,
    })),
    carriesOver: budget.carries_over,
  }
}

export function draftOf(form: BudgetForm): BudgetDraft | Refusal {
  const amount = readNumber(form.amount)
  const days = readWhole(form.days, 1, DAYS_MAX)
  const thresholds = form.thresholds.flatMap(({ percent, basis }) => {
    const read = readWhole(percent, 1, PERCENT_MAX)
    return read === null ? [] : [{ percent: read, basis }]
  })
  const faults: Refusal[] = []
  if (!form.name.trim()) faults.push({ field: 'name', words: 'Write what people call it.' })
  if ('words' in amount) faults.push({ field: 'amount', words: amount.words })
  if (form.every === 'rolling' && days === null) {
    faults.push({ field: 'period.days', words: `Write 1 to ${DAYS_MAX} days.` })
  }
  if (form.every === 'once' && !isDay(form.first)) {
    faults.push({ field: 'period.first', words: 'Pick the first day.' })
  }
  if (form.every === 'once' && !isDay(form.last)) {
    faults.push({ field: 'period.last', words: 'Pick the last day.' })
  }
  if (thresholds.length < form.thresholds.length) {
    faults.push({ field: 'thresholds', words: `Write 1 to ${PERCENT_MAX} percent.` })
  }
  const [first, ...also] = faults
  if (first || 'words' in amount) return { ...(first as Refusal), also }
  return {
    name: form.name,
    scope: scopeBody(form.filters),
    amount: amount.text,
    period: periodOf(form, days ?? 1) as BudgetPeriod,
    tz: form.tz,
    enforcement: form.enforcement,
    thresholds,
    carries_over: form.carriesOver && canCarryOver(form.every),
  }
}

/** Days that a rolling budget looks back, and percent of a threshold, at most. */
const DAYS_MAX = 366
const PERCENT_MAX = 1000

function periodOf({ every, first, last }: BudgetForm, days: number): BudgetPeriod | null {
  if (every === 'rolling') return { every, days }
  if (every !== 'once') return { every }
  return isDay(first) && isDay(last) ? { every, first, last } : null
}
