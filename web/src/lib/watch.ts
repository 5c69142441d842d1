import type { BudgetForm } from './budgets'
import { attributeLabel } from './filters'
import { MEASURES } from './measures'
import type { Period, Preset } from './period'
import { isDay } from './time'
import { type View, viewQuery } from './view'

/** The time of a budget that comes nearest to what a view is of. */
const WINDOWS: Record<Preset, Partial<BudgetForm>> = {
  today: { every: 'day' },
  yesterday: { every: 'day' },
  '7d': { every: 'rolling', days: '7' },
  '30d': { every: 'rolling', days: '30' },
  '90d': { every: 'rolling', days: '90' },
  week: { every: 'week' },
  month: { every: 'month' },
  'last-month': { every: 'month' },
  year: { every: 'year' },
  '12m': { every: 'year' },
}

/** What a budget begins with that is made of a view. */
export function budgetOfView(view: View, name: string): Partial<BudgetForm> {
  return { name, filters: view.filters, ...windowOf(view.period) }
}

function windowOf(period: Period): Partial<BudgetForm> {
  if (period.kind === 'preset') return WINDOWS[period.preset]
  const { from, to } = period
  return isDay(from) && isDay(to) ? { every: 'once', first: from, last: to } : {}
}

/** What of a view a budget cannot have, in a sentence; nothing where it has all of it. */
export function leftByBudget(view: View): string | null {
  const left = [
    view.measure !== 'spend' &&
      `it counts spend, not ${MEASURES[view.measure].label.toLowerCase()}`,
    view.by.length > 0 &&
      `it is of all of it together, not by ${view.by.map((one) => attributeLabel(one).toLowerCase()).join(' and ')}`,
  ].filter(Boolean)
  return left.length > 0
    ? `A budget has the view’s filters and its time; ${left.join(', and ')}.`
    : null
}

/** What of a view a rule cannot have. */
export function leftByRule(view: View): string | null {
  if (view.by.length === 0) return null
  const by = view.by.map((one) => attributeLabel(one).toLowerCase()).join(' and ')
  return `A rule has the view’s filters and its measure; it is of all of it together, not by ${by}.`
}

/** Where a budget or a rule is made of what a page shows: `path` has a query already. */
export function watchLink(path: string, view: View, name: string): string {
  const own = new URLSearchParams({ of: name }).toString()
  return [path, viewQuery(view), own].filter(Boolean).join('&')
}
