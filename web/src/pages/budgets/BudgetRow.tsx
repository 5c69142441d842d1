import {
  IconAlertTriangle,
  IconCircleCheck,
  IconFlag,
  IconLock,
  IconTrendingUp,
} from '@tabler/icons-react'
import { type ReactNode, useEffect, useRef } from 'react'
import { Link } from 'wouter'
import type { AnyBudget, Budget, BudgetState } from '@/api/budgets'
import { useSession } from '@/api/session'
import { estimated, formatAmount, formatAmountExactly, parseAmount } from '@/lib/amount'
import {
  crossingWords,
  daysLeft,
  periodWords,
  STATE_WORDS,
  usageBehind,
  usedShare,
} from '@/lib/budgets'
import { filterText, readScope } from '@/lib/filters'
import { plural, THIN } from '@/lib/number'
import { rangeLabel } from '@/lib/period'
import { EditButton } from '@/ui/EditButton'
import { sentence } from '@/ui/States'
import { useNow } from '@/ui/useNow'
import { linkTo } from '@/view/useView'
import { BudgetBar } from './BudgetBar'
import classes from './Budgets.module.css'

interface BudgetRowProps {
  budget: Budget
  /** Whether the link that led here is about this one. */
  isMeant: boolean
  /** Only for those who may. */
  edit?: () => void
}

/** One budget: what counts, the bar, and when it is gone. */
export function BudgetRow({ budget, isMeant, edit }: BudgetRowProps) {
  const row = useRef<HTMLLIElement>(null)
  useEffect(() => {
    if (isMeant) row.current?.scrollIntoView({ block: 'center' })
  }, [isMeant])
  const { currency, time_zone } = useSession()
  const now = useNow()
  const { status, tz } = budget
  const range = { from: new Date(status.from), to: new Date(status.to) }
  const filters = readScope(budget.scope)
  const usage = linkTo('/explore', usageBehind(budget, time_zone || 'UTC'))
  return (
    <li
      ref={row}
      className={classes.row}
      aria-label={budget.name}
      aria-current={isMeant || undefined}
    >
      <div className={classes.head}>
        <h3 className={classes.name}>{budget.name}</h3>
        {budget.enforcement === 'hard' && (
          <Chip title="Whoever asks before they spend is refused when it is spent">
            <IconLock size={12} aria-hidden="true" /> hard
          </Chip>
        )}
        {budget.imported && <Chip title="From an older system, unchanged here">imported</Chip>}
        <div className={classes.ends}>
          <StateWord state={status.state} />
          {edit && <EditButton name={budget.name} edit={edit} />}
        </div>
      </div>
      <div className={classes.scope}>
        <span className="muted">
          {periodWords(budget.period)}, {rangeLabel(range, now, tz)}
          {tz !== (time_zone || 'UTC') && ` (${tz})`}
        </span>
        <Link href={usage} className={classes.usage} title="The usage behind it">
          {filters.length === 0
            ? 'All usage'
            : filters.map((filter) => (
                <span key={filterText(filter)} className={classes.filter}>
                  {filterText(filter)}
                </span>
              ))}
        </Link>
      </div>
      <BudgetBar budget={budget} currency={currency} />
      <Facts budget={budget} currency={currency} />
    </li>
  )
}

function Facts({ budget, currency }: { budget: Budget; currency: string }) {
  const now = useNow()
  const { status } = budget
  const left = daysLeft(budget, now)
  const hasBegun = now >= new Date(status.from)
  const isOpen = hasBegun && now < new Date(status.to)
  const carried = parseAmount(status.carried)
  const remaining = parseAmount(status.remaining)
  const { projected, projected_low: low, projected_high: high } = status
  const estimate = (units: number) => formatAmount(estimated(units), currency)
  return (
    <dl className={classes.facts}>
      <Fact name="Spent">
        <Money amount={status.spent} currency={currency} />{' '}
        <span className="muted">
          of <Money amount={status.available} currency={currency} />, {usedShare(status.percent)}
          {carried > 0n && `, ${formatAmount(carried, currency)} of it carried over`}
        </span>
      </Fact>
      <Fact name={remaining < 0n ? 'Over by' : 'Left'}>
        <Money amount={status.remaining.replace('-', '')} currency={currency} />{' '}
        {left !== null && (
          <span className="muted">{leftWords(left, remaining < 0n, hasBegun)}</span>
        )}
      </Fact>
      <Fact name="A day">{estimate(status.daily)}</Fact>
      <Fact name="Forecast">
        {projected === null ? (
          <span className="muted">{isOpen ? 'too early to say' : 'not running'}</span>
        ) : (
          <>
            {estimate(projected)}{' '}
            {low === null || high === null ? (
              <span className="muted">too few days for a range</span>
            ) : (
              <span className="muted" title="In four of five cases it ends between these">
                80{THIN}%: {estimate(low)} to {estimate(high)}
              </span>
            )}
          </>
        )}
      </Fact>
      <Fact name="Outlook">
        <span data-state={status.state} className={classes.outlook}>
          {crossingWords(budget, now)}
        </span>
      </Fact>
    </dl>
  )
}

/** For how long what is left has to do. */
function leftWords(days: number, isOver: boolean, hasBegun: boolean): string {
  if (days === 0) return 'when it ended'
  const time = days === 1 && hasBegun ? 'today' : plural(days, 'day')
  return isOver ? `with ${time} to go` : `for ${time}`
}

/** A budget that cannot be held against spend, and why. */
export function UnjudgedRow({ budget, edit }: { budget: AnyBudget; edit?: () => void }) {
  return (
    <li className={classes.row} aria-label={budget.name}>
      <div className={classes.head}>
        <h3 className={classes.name}>{budget.name}</h3>
        <div className={classes.ends}>
          <span className={classes.state} data-state="spent">
            <IconAlertTriangle size={15} aria-hidden="true" />
            Cannot be judged
          </span>
          {edit && <EditButton name={budget.name} edit={edit} />}
        </div>
      </div>
      <p className="muted small">
        {periodWords(budget.period)}. {sentence(budget.error ?? 'it cannot be held against spend')}
      </p>
    </li>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className="number">{children}</dd>
    </div>
  )
}

function Money({ amount, currency }: { amount: string; currency: string }) {
  const parsed = parseAmount(amount)
  return <span title={formatAmountExactly(parsed, currency)}>{formatAmount(parsed, currency)}</span>
}

function Chip({ title, children }: { title: string; children: ReactNode }) {
  return (
    <span className={classes.chip} title={title}>
      {children}
    </span>
  )
}

const STATE_ICONS: Record<BudgetState, typeof IconFlag> = {
  within: IconCircleCheck,
  warned: IconFlag,
  overrunning: IconTrendingUp,
  spent: IconAlertTriangle,
}

function StateWord({ state }: { state: BudgetState }) {
  const Icon = STATE_ICONS[state]
  return (
    <span className={classes.state} data-state={state}>
      <Icon size={15} aria-hidden="true" />
      {STATE_WORDS[state]}
    </span>
  )
}
