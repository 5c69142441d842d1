import { Button } from '@mantine/core'
import { useEffect } from 'react'
import { Link, useParams } from 'wouter'
import { type AnyBudget, type Budget, useBudgets } from '@/api/budgets'
import { useSession } from '@/api/session'
import { isJudged, periodWords, usageBehind } from '@/lib/budgets'
import { Loaded } from '@/ui/Loaded'
import { Empty } from '@/ui/States'
import { useNow } from '@/ui/useNow'
import { linkTo } from '@/view/useView'
import { TwoLines } from '@/widgets/Cells'
import { BudgetAlerts } from './BudgetAlerts'
import { BudgetBreakdown } from './BudgetBreakdown'
import { BudgetCourse } from './BudgetCourse'
import classes from './BudgetPage.module.css'
import { BudgetScope } from './BudgetScope'
import { ADay, Forecast, Left, Outlook, Used } from './budgetCells'
import { Chips } from './budgetWords'

/** Everything about a budget: what is left, how it goes, what spends it, what it has said. */
export default function BudgetPage() {
  const { id } = useParams<{ id: string }>()
  const budgets = useBudgets()
  return (
    <Loaded
      query={budgets}
      what="The budget"
      rows={8}
      still="Spend is counted all the same."
      isEmpty={(all) => !all.some((one) => one.id === id)}
      empty={
        <Empty title="There is no such budget">
          <p>It was removed, or it is about more than you may see.</p>
          <Link href="/budgets">To the budgets</Link>
        </Empty>
      }
    >
      {(all) => all.filter((one) => one.id === id).map((one) => <Found key={id} budget={one} />)}
    </Loaded>
  )
}

function Found({ budget }: { budget: AnyBudget }) {
  useEffect(() => {
    document.title = `${budget.name} · Outlay`
  }, [budget.name])
  return (
    <div className={classes.page}>
      <header className={classes.head}>
        <div className={classes.words}>
          <p className="muted small">Budget, {periodWords(budget.period).toLowerCase()}</p>
          <h1 className={classes.title}>
            {budget.name} <Chips budget={budget} />
          </h1>
          <BudgetScope budget={budget} />
        </div>
        <Actions budget={budget} />
      </header>
      <Facts budget={budget} />
      {isJudged(budget) && (
        <>
          <BudgetCourse budget={budget} />
          <div className={classes.pair}>
            <BudgetBreakdown budget={budget} />
            <BudgetAlerts id={budget.id} />
          </div>
        </>
      )}
    </div>
  )
}

/** How it stands, in figures; why, where that cannot be said. */
function Facts({ budget }: { budget: AnyBudget }) {
  const { currency } = useSession()
  const now = useNow()
  return (
    <dl className={classes.facts} data-testid="budget-facts">
      {isJudged(budget) && (
        <>
          <div>
            <dt>Spent</dt>
            <dd>
              <Used budget={budget} currency={currency} />
            </dd>
          </div>
          <div>
            <dt>Left</dt>
            <dd>
              <Left budget={budget} currency={currency} now={now} />
            </dd>
          </div>
          <div>
            <dt>A day</dt>
            <dd>
              <TwoLines>
                <span>
                  <ADay budget={budget} currency={currency} />
                </span>
              </TwoLines>
            </dd>
          </div>
          <div>
            <dt>Forecast</dt>
            <dd>
              <Forecast budget={budget} currency={currency} now={now} />
            </dd>
          </div>
        </>
      )}
      <div>
        <dt>Outlook</dt>
        <dd>
          <Outlook budget={budget} now={now} />
        </dd>
      </div>
    </dl>
  )
}

/** What can be done about it, by whoever looks. */
function Actions({ budget }: { budget: AnyBudget }) {
  const { role, time_zone } = useSession()
  const behind = (path: string, judged: Budget) =>
    linkTo(path, usageBehind(judged, time_zone || 'UTC'))
  return (
    <div className={classes.actions}>
      {isJudged(budget) && (
        <>
          <Button component={Link} href={behind('/events', budget)} size="xs" variant="default">
            Its events
          </Button>
          <Button component={Link} href={behind('/explore', budget)} size="xs" variant="default">
            Explore
          </Button>
        </>
      )}
      {role === 'admin' && (
        <Button
          component={Link}
          href={`/budgets?edit=${encodeURIComponent(budget.id)}`}
          size="xs"
          variant="default"
        >
          Edit
        </Button>
      )}
    </div>
  )
}
