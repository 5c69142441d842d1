import { IconAlertTriangle, IconCircleCheck, IconFlag, IconTrendingUp } from '@tabler/icons-react'
import type { AnyBudget, Budget, BudgetState } from '@/api/budgets'
import {
  type Amount,
  estimated,
  formatAmount,
  formatAmountExactly,
  parseAmount,
} from '@/lib/amount'
import { crossingWords, daysLeft, isJudged, STATE_WORDS, usedOf, usedShare } from '@/lib/budgets'
import { plural } from '@/lib/number'
import { sentence } from '@/ui/States'
import { TwoLines } from '@/widgets/Cells'
import { BudgetBar } from './BudgetBar'
import classes from './Budgets.module.css'

interface CellProps {
  budget: Budget
  currency: string
}

/** The bar, and its figures below. */
export function Used({ budget, currency }: CellProps) {
  const { status } = budget
  const carried = parseAmount(status.carried)
  const [captured, held] = [parseAmount(status.captured), parseAmount(status.held)]
  return (
    <div>
      <BudgetBar budget={budget} currency={currency} />
      <span className={`${classes.of} number`}>
        <Money amount={usedOf(status)} currency={currency} />{' '}
        <span className="muted">
          of <Money amount={parseAmount(status.available)} currency={currency} />,{' '}
          {usedShare(status.percent)}
          {carried > 0n && `, ${formatAmount(carried, currency)} of it carried over`}
          {captured > 0n && `; ${formatAmount(captured, currency)} captured without an event`}
          {held > 0n && `; ${formatAmount(held, currency)} more is held for work in flight`}
        </span>
      </span>
    </div>
  )
}

export function Left({ budget, currency, now }: CellProps & { now: Date }) {
  const { status } = budget
  const remaining = parseAmount(status.remaining)
  const days = daysLeft(budget, now)
  return (
    <TwoLines>
      <span>
        {remaining < 0n && 'over by '}
        <Money amount={parseAmount(status.remaining.replace('-', ''))} currency={currency} />
      </span>
      <span>{days === null ? '' : leftWords(days, remaining < 0n, hasBegun(budget, now))}</span>
    </TwoLines>
  )
}

export function ADay({ budget, currency }: CellProps) {
  return <>{formatAmount(estimated(budget.status.daily), currency)}</>
}

export function Forecast({ budget, currency, now }: CellProps & { now: Date }) {
  const { projected, projected_low: low, projected_high: high, to } = budget.status
  const estimate = (units: number) => formatAmount(estimated(units), currency)
  if (projected === null) {
    const isOpen = hasBegun(budget, now) && now < new Date(to)
    return <span className="muted">{isOpen ? 'too early to say' : 'not running'}</span>
  }
  return (
    <TwoLines>
      <span>{estimate(projected)}</span>
      <span>
        {low === null || high === null
          ? 'too few days for a range'
          : `${estimate(low)} to ${estimate(high)}`}
      </span>
    </TwoLines>
  )
}

const STATE_ICONS: Record<BudgetState, typeof IconFlag> = {
  within: IconCircleCheck,
  warned: IconFlag,
  overrunning: IconTrendingUp,
  spent: IconAlertTriangle,
}

/** How it stands, and when the money is gone; why, where that cannot be said. */
export function Outlook({ budget, now }: { budget: AnyBudget; now: Date }) {
  const state = isJudged(budget) ? budget.status.state : 'spent'
  const Icon = STATE_ICONS[state]
  return (
    <TwoLines>
      <span className={classes.stateWord} data-state={state}>
        <Icon size={15} aria-hidden="true" />
        {isJudged(budget) ? STATE_WORDS[state] : 'Cannot be judged'}
      </span>
      <span>
        {isJudged(budget)
          ? crossingWords(budget, now)
          : sentence(budget.error ?? 'it cannot be held against spend')}
      </span>
    </TwoLines>
  )
}

function hasBegun({ status }: Budget, now: Date): boolean {
  return now >= new Date(status.from)
}

/** For how long what is left has to do. */
function leftWords(days: number, isOver: boolean, begun: boolean): string {
  if (days === 0) return 'when it ended'
  const time = days === 1 && begun ? 'today' : plural(days, 'day')
  return isOver ? `with ${time} to go` : `for ${time}`
}

function Money({ amount, currency }: { amount: Amount; currency: string }) {
  return <span title={formatAmountExactly(amount, currency)}>{formatAmount(amount, currency)}</span>
}
