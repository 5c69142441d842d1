import { Button, Modal } from '@mantine/core'
import { useState } from 'react'
import { Link } from 'wouter'
import { type Budget, useBudgets, useRemoveBudget } from '@/api/budgets'
import { useSession } from '@/api/session'
import { formatAmount, formatAmountShort, parseAmount } from '@/lib/amount'
import { budgetBar, periodText, scopeTexts, stateText, usagePath } from '@/lib/budgets'
import { Panel } from '@/ui/Panel'
import { Empty, Failure, messageOf, sentence, TableSkeleton } from '@/ui/States'
import { BudgetForm } from './BudgetForm'
import classes from './Budgets.module.css'

/** What may be spent, what was, and when it will be too much. */
export default function Budgets() {
  const budgets = useBudgets()
  const { role } = useSession()
  const [isMaking, setMaking] = useState(false)
  const [removing, setRemoving] = useState<Budget | null>(null)
  const make = role === 'admin' && (
    <Button size="xs" onClick={() => setMaking(true)}>
      New budget
    </Button>
  )
  return (
    <div className={classes.page}>
      <h1 className="visually-hidden">Budgets</h1>
      {!budgets.data || budgets.data.length === 0 ? (
        <Panel title="Budgets" actions={make}>
          {budgets.isError ? (
            <Failure what="The budgets" error={budgets.error} retry={budgets.refetch} />
          ) : !budgets.data ? (
            <TableSkeleton rows={4} label="The budgets are loading" />
          ) : (
            <Empty title="No budgets yet">
              A budget says what may be spent, and tells when it will be too much.
            </Empty>
          )}
        </Panel>
      ) : (
        <>
          {make && <div>{make}</div>}
          <ul className={classes.list}>
            {budgets.data.map((budget) => (
              <li key={budget.id}>
                <BudgetCard
                  budget={budget}
                  remove={role === 'admin' ? () => setRemoving(budget) : undefined}
                />
              </li>
            ))}
          </ul>
        </>
      )}
      <Modal
        opened={isMaking}
        onClose={() => setMaking(false)}
        title="New budget"
        closeOnClickOutside={false}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {isMaking && <BudgetForm close={() => setMaking(false)} />}
      </Modal>
      <Modal
        opened={removing !== null}
        onClose={() => setRemoving(null)}
        title="Remove the budget?"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {removing && <RemoveForm budget={removing} close={() => setRemoving(null)} />}
      </Modal>
    </div>
  )
}

function BudgetCard({ budget, remove }: { budget: Budget; remove?: () => void }) {
  const { status } = budget
  const marks = [
    periodText(budget.period),
    budget.enforcement === 'hard' ? 'hard' : null,
    budget.carries_over ? 'carries over' : null,
    budget.imported ? 'imported' : null,
    ...scopeTexts(budget.scope),
  ].filter((mark) => mark !== null)
  return (
    <Panel title={budget.name} note={stateText(budget)}>
      <div className={classes.chips}>
        {marks.map((mark) => (
          <span key={mark} className={classes.chip}>
            {mark}
          </span>
        ))}
      </div>
      <div>
        <span className={classes.spent}>{formatAmount(parseAmount(status.spent))}</span>{' '}
        <span className={classes.of}>
          of {formatAmount(parseAmount(status.available))}, {Math.round(status.percent)} %
        </span>
      </div>
      <Bar budget={budget} />
      <dl className={classes.facts}>
        <div>
          <dt>Projected</dt>
          <dd>
            {status.projected === null ? 'the time is over' : formatAmountShort(status.projected)}
          </dd>
        </div>
        <div>
          <dt>4 times in 5</dt>
          <dd>
            {status.projected_low === null || status.projected_high === null
              ? 'too few days to say'
              : `${formatAmountShort(status.projected_low)} to ${formatAmountShort(status.projected_high)}`}
          </dd>
        </div>
        <div>
          <dt>A day so far</dt>
          <dd>{formatAmountShort(status.daily)}</dd>
        </div>
      </dl>
      <div className={classes.foot}>
        <Link href={usagePath(budget)}>The usage behind it</Link>
        {remove && (
          <Button
            size="compact-xs"
            variant="subtle"
            color="gray"
            aria-label={`Remove ${budget.name}`}
            onClick={remove}
          >
            Remove
          </Button>
        )}
      </div>
    </Panel>
  )
}

/** What was spent, what will be, its range, and where the budget ends. */
function Bar({ budget }: { budget: Budget }) {
  const bar = budgetBar(budget)
  const percent = (share: number) => `${share * 100}%`
  const isOver = bar.spent >= bar.available
  const { low, high } = bar
  return (
    <div
      className={classes.bar}
      role="img"
      aria-label={`${Math.round(budget.status.percent)} % spent, ${stateText(budget)}`}
    >
      {bar.projected !== null && (
        <span className={classes.ahead} style={{ width: percent(bar.projected) }} />
      )}
      <span
        className={`${classes.fill} ${isOver ? classes.over : ''}`}
        style={{ width: percent(bar.spent) }}
      />
      {low !== null && high !== null && (
        <span
          className={classes.range}
          style={{ left: percent(low), width: percent(Math.max(0, high - low)) }}
        />
      )}
      <span className={classes.end} style={{ left: `calc(${percent(bar.available)} - 1px)` }} />
    </div>
  )
}

function RemoveForm({ budget, close }: { budget: Budget; close: () => void }) {
  const remove = useRemoveBudget()
  return (
    <div className={classes.form}>
      <p>“{budget.name}” is no longer watched. Usage and its sums stay as they are.</p>
      {remove.isError && <p role="alert">{sentence(messageOf(remove.error))}</p>}
      <Button
        color="red"
        loading={remove.isPending}
        onClick={() => remove.mutate(budget.id, { onSuccess: close })}
      >
        Remove
      </Button>
    </div>
  )
}
