import type { AnyBudget } from '@/api/budgets'
import { attributeLabel, type Filter, filterText, readScope } from '@/lib/filters'
import { NameLink } from '@/widgets/NameLink'
import classes from './Budgets.module.css'

/** What a budget counts; each name in it leads to its page. */
export function BudgetScope({ budget }: { budget: AnyBudget }) {
  const filters = readScope(budget.scope)
  return (
    <span className={classes.scope}>
      {filters.length === 0
        ? 'all usage'
        : filters.map((filter) => <ScopePart key={filterText(filter)} filter={filter} />)}
    </span>
  )
}

function ScopePart({ filter }: { filter: Filter }) {
  const { attribute, op, values } = filter
  if (op !== 'in') return <span>{filterText(filter)}</span>
  return (
    <span>
      {attributeLabel(attribute).toLowerCase()}{' '}
      {values.map((value, at) => (
        <span key={value}>
          {at > 0 && ', '}
          <NameLink attribute={attribute} name={value} />
        </span>
      ))}
    </span>
  )
}
