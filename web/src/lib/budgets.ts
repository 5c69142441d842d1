import type { Budget, Period } from '@/api/budgets'
import { drawnUnits, parseAmount } from './amount'

/** A budget as parts of a bar, each a share of its width from 0 to 1. */
export interface BudgetBar {
  spent: number
  /** Where the projection ends, and where its range begins and ends. */
  projected: number | null
  low: number | null
  high: number | null
  /** Where what may be spent ends. */
  available: number
}

/** The bar is as long as the longest of its parts. */
export function budgetBar({ status }: Budget): BudgetBar {
  const spent = drawnUnits(parseAmount(status.spent))
  const available = drawnUnits(parseAmount(status.available))
  const whole = Math.max(spent, available, status.projected_high ?? status.projected ?? 0) || 1
  const share = (value: number | null) =>
    value === null ? null : Math.min(1, Math.max(0, value / whole))
  return {
    spent: share(spent) ?? 0,
    projected: share(status.projected),
    low: share(status.projected_low),
    high: share(status.projected_high),
    available: share(available) ?? 1,
  }
}

export function periodText({ every, days, first, last }: Period): string {
  switch (every) {
    case 'rolling':
      return days === 1 ? 'today' : `last ${days} days`
    case 'once':
      return `${first} to ${last}`
    default:
      return `each ${every}`
  }
}

export function stateText({ status }: Budget): string {
  switch (status.state) {
    case 'spent':
      return status.crossed_on ? `spent on ${status.crossed_on}` : 'spent'
    case 'overrunning':
      return `will be spent on ${status.crossed_on}`
    case 'warned':
      return 'a threshold is reached'
    default:
      return 'within the budget'
  }
}

/** Where the usage behind a budget is explored. */
export function usagePath({ scope, status }: Budget): string {
  const query = new URLSearchParams({ from: moment(status.from), to: moment(status.to) })
  for (const [name, values] of Object.entries(scope)) query.append(name, values.join(','))
  return `/explore?${query}`
}

function moment(text: string): string {
  return new Date(text).toISOString()
}

/** Scope chips: `provider: openai`, `team: all but ops`. */
export function scopeTexts(scope: Record<string, string[]>): string[] {
  return Object.entries(scope).map(([name, values]) => {
    const list = values.map((value) => value || 'none').join(', ')
    if (name.endsWith('!')) return `${name.slice(0, -1)}: all but ${list}`
    if (name.endsWith('^')) return `${name.slice(0, -1)}: ${list}…`
    return `${name}: ${list}`
  })
}
