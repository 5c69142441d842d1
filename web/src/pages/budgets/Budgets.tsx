import { Button } from '@mantine/core'
import { useMemo } from 'react'
import { type AnyBudget, type Budget, useBudgets } from '@/api/budgets'
import { useSession } from '@/api/session'
import { byUrgency, isJudged } from '@/lib/budgets'
import { plural } from '@/lib/number'
import { Loaded } from '@/ui/Loaded'
import { Panel } from '@/ui/Panel'
import { Empty } from '@/ui/States'
import { useParam } from '@/view/useParam'
import { DataTable } from '@/widgets/DataTable'
import { ColumnsButton, TableCsv } from '@/widgets/TableActions'
import { BudgetDrawer } from './BudgetDrawer'
import classes from './Budgets.module.css'
import { useBudgetColumns } from './useBudgetColumns'

/** Rows of two lines and a bar, where there are too many to draw them all. */
const ROW_HEIGHT = 66

/** What may be spent, what is, and when it will be gone. */
export default function Budgets() {
  const { role, time_zone } = useSession()
  const budgets = useBudgets()
  const [edited, edit] = useParam('edit')
  const [meant] = useParam('budget')
  const isAdmin = role === 'admin'
  const ordered = useMemo(() => {
    const all = budgets.data ?? []
    return [...all.filter((budget) => !isJudged(budget)), ...byUrgency(all.filter(isJudged))]
  }, [budgets.data])
  const columns = useBudgetColumns(isAdmin ? edit : undefined)
  const add = () => edit(NEW)
  return (
    <div>
      <Panel
        title="Budgets"
        note={
          budgets.data &&
          budgets.data.length > 0 &&
          `${summary(budgets.data)}. Days of ${time_zone || 'UTC'}.`
        }
        flush
        actions={
          <>
            {ordered.length > 0 && (
              <>
                <ColumnsButton columns={columns} />
                <TableCsv
                  rows={ordered}
                  columns={columns}
                  file="outlay-budgets"
                  label="Save the budgets as CSV"
                />
              </>
            )}
            {isAdmin && (
              <Button size="xs" onClick={add}>
                New budget
              </Button>
            )}
          </>
        }
      >
        <Loaded
          query={budgets}
          what="The budgets"
          rows={8}
          still="Spend is counted all the same."
          isEmpty={(all) => all.length === 0}
          empty={<NoBudgets isAdmin={isAdmin} add={add} />}
        >
          {() => (
            <>
              <DataTable
                label="Budgets"
                rows={ordered}
                columns={columns}
                rowKey={({ id }) => id}
                rowHeight={ROW_HEIGHT}
                isCurrent={({ id }) => id === meant}
              />
              <Legend />
            </>
          )}
        </Loaded>
      </Panel>
      {isAdmin && budgets.data && (
        <BudgetDrawer
          // A form begins anew with each budget.
          key={edited}
          opened={edited === NEW || budgets.data.some(({ id }) => id === edited)}
          budget={budgets.data.find(({ id }) => id === edited) ?? null}
          close={() => edit(null)}
        />
      )}
    </div>
  )
}

function Legend() {
  return (
    <p className={classes.legend} aria-hidden="true">
      <span>
        <i className={classes.keySpent} /> spent
      </span>
      <span>
        <i className={classes.keyProjected} /> forecast
      </span>
      <span>
        <i className={classes.keyRange} /> where it ends four times of five
      </span>
      <span>
        <i className={classes.keyLimit} /> all of the budget
      </span>
      <span>
        <i className={classes.keyCut} /> goes on beyond twice the budget
      </span>
      <span>
        <i className={classes.keyTick} /> threshold of what is spent
      </span>
      <span>
        <i className={classes.keyTick} data-basis="forecast" /> of the forecast
      </span>
    </p>
  )
}

/** The URL's word for a budget that does not exist yet; ids are longer. */
const NEW = 'new'

function summary(budgets: AnyBudget[]): string {
  const count = (state: Budget['status']['state']) =>
    budgets.filter(({ status }) => status?.state === state).length
  const [over, heading] = [count('spent'), count('overrunning')]
  const unjudged = budgets.filter((budget) => !isJudged(budget)).length
  const parts = [
    unjudged > 0 && `${unjudged} that cannot be judged`,
    over > 0 && `${over} spent`,
    heading > 0 && `${heading} heading over`,
    over + heading === 0 && 'none heading over',
  ]
  return [plural(budgets.length, 'budget'), ...parts.filter(Boolean)].join(', ')
}

function NoBudgets({ isAdmin, add }: { isAdmin: boolean; add: () => void }) {
  const { scope } = useSession()
  return (
    <Empty
      title={scope === null ? 'There is no budget yet' : `There is no budget for ${scope} yet`}
    >
      <p className={classes.why}>
        A budget says how much may be spent in a time, on everything or on a part of it. It is held
        against what was spent and what the forecast says.
      </p>
      {isAdmin ? (
        <Button size="xs" onClick={add}>
          Make the first budget
        </Button>
      ) : (
        <p>An admin can make one.</p>
      )}
    </Empty>
  )
}
