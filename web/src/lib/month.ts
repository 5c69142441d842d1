import type { BriefMonth } from '@/wire'
import { type Amount, addAmounts, drawnUnits, parseAmount } from './amount'

/** The end of a day of the month: what was spent until then, or what is expected. */
export interface MonthDay {
  start: Date
  /** Exactly what was spent until its end, or until now on the day that runs. */
  spent: Amount | null
  /** What is expected to be spent until its end, from today on, in units of money. */
  expected: number | null
  /** Where that is four times of five. */
  low: number | null
  high: number | null
}

/**
 * The days of a month, each with what it comes to from the first on.
 *
 * How far the month's end may lie off is the server's; what lies between is as uncertain as its share
 * of the days to come, by the root of it, as sums of days are.
 */
export function monthDays(
  starts: Date[],
  daily: Amount[],
  running: number,
  month: Pick<BriefMonth, 'expected' | 'low' | 'high' | 'days'>,
): MonthDay[] {
  const until = sums(daily)
  const now = drawnUnits(until[running] ?? until.at(-1) ?? (0n as Amount))
  const ahead = month.days.length
  let expected = now
  return starts.map((start, at) => {
    const spent = at <= running ? (until[at] ?? null) : null
    const place = at - running
    if (month.expected === null || place < 0 || place >= ahead) {
      return { start, spent, expected: null, low: null, high: null }
    }
    expected += month.days[place] ?? 0
    const part = Math.sqrt((place + 1) / ahead)
    const edge = (end: number | null) =>
      end === null || month.expected === null ? null : expected + (end - month.expected) * part
    const low = edge(month.low)
    return {
      start,
      spent,
      expected,
      low: low === null ? null : Math.max(now, low),
      high: edge(month.high),
    }
  })
}

function sums(daily: Amount[]): Amount[] {
  let sum = 0n as Amount
  return daily.map((amount) => {
    sum = addAmounts(sum, amount)
    return sum
  })
}

/** How a budget goes: the words under the month, true to the figures that stand there. */
export function budgetWords(
  spent: Amount,
  month: Pick<BriefMonth, 'expected' | 'budget'>,
): 'over' | 'heading over' | 'within' | null {
  if (!month.budget) return null
  const available = parseAmount(month.budget.available)
  if (spent >= available) return 'over'
  const ends = month.expected ?? drawnUnits(spent)
  return ends > drawnUnits(available) ? 'heading over' : 'within'
}
