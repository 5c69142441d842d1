import { useMemo } from 'react'
import { Link } from 'wouter'
import type { AnyBudget } from '@/api/budgets'
import { useSession } from '@/api/session'
import { estimated, formatAmount, parseAmount } from '@/lib/amount'
import { budgetPath, crossingWords, isJudged, periodWords, STATE_WORDS } from '@/lib/budgets'
import { useNow } from '@/ui/useNow'
import { editColumn, TwoLines } from '@/widgets/Cells'
import type { Column } from '@/widgets/DataTable'
import { BudgetScope } from './BudgetScope'
import classes from './Budgets.module.css'
import { ADay, Forecast, Left, Outlook, Used } from './budgetCells'
import { Chips } from './budgetWords'

/** The columns of a table of budgets; `edit` only for those who may. */
export function useBudgetColumns(edit?: (id: string) => void): Column<AnyBudget>[] {
  const { currency, time_zone } = useSession()
  const now = useNow()
  return useMemo(() => {
    const home = time_zone || 'UTC'
    const columns: Column<AnyBudget>[] = [
      {
        id: 'budget',
        title: 'Budget',
        isHeading: true,
        className: classes.budget,
        order: ({ name }) => name,
        text: ({ name }) => name,
        cell: (budget) => (
          <TwoLines>
            <span className={classes.head}>
              <Link href={budgetPath(budget.id)} className={classes.name} data-row>
                {budget.name}
              </Link>
              <Chips budget={budget} />
            </span>
            <BudgetScope budget={budget} />
          </TwoLines>
        ),
      },
      {
        id: 'period',
        title: 'Period',
        isWide: true,
        text: ({ period }) => periodWords(period),
        cell: ({ period, tz }) => (
          <span className="muted">
            {periodWords(period)}
            {tz !== home && ` (${tz})`}
          </span>
        ),
      },
      {
        id: 'used',
        title: 'Spent',
        className: classes.used,
        order: ({ status }) => status?.percent ?? null,
        text: ({ status }) => status?.spent ?? null,
        cell: (budget) => isJudged(budget) && <Used budget={budget} currency={currency} />,
      },
      {
        id: 'amount',
        title: 'Amount',
        isFigure: true,
        isOptional: true,
        order: ({ amount }) => parseAmount(amount),
        text: ({ amount }) => amount,
        cell: ({ amount }) => formatAmount(parseAmount(amount), currency),
      },
      {
        id: 'left',
        title: 'Left',
        isFigure: true,
        isWide: true,
        order: ({ status }) => status && parseAmount(status.remaining),
        text: ({ status }) => status?.remaining ?? null,
        cell: (budget) =>
          isJudged(budget) && <Left budget={budget} currency={currency} now={now} />,
      },
      {
        id: 'daily',
        title: 'A day',
        isFigure: true,
        isWide: true,
        order: ({ status }) => status?.daily ?? null,
        text: ({ status }) => status?.daily ?? null,
        cell: (budget) => isJudged(budget) && <ADay budget={budget} currency={currency} />,
      },
      {
        id: 'forecast',
        title: 'Forecast',
        isFigure: true,
        isWide: true,
        order: ({ status }) => status?.projected ?? null,
        text: ({ status }) => status?.projected ?? null,
        hint: ({ status }) => rangeHint(status, currency),
        cell: (budget) =>
          isJudged(budget) && <Forecast budget={budget} currency={currency} now={now} />,
      },
      {
        id: 'outlook',
        title: 'Outlook',
        className: classes.state,
        text: (budget) => (isJudged(budget) ? outlookText(budget, now) : budget.error),
        cell: (budget) => <Outlook budget={budget} now={now} />,
      },
    ]
    return edit ? [...columns, editColumn(edit)] : columns
  }, [currency, time_zone, now, edit])
}

function outlookText(budget: Parameters<typeof crossingWords>[0], now: Date): string {
  return `${STATE_WORDS[budget.status.state]}: ${crossingWords(budget, now)}`
}

function rangeHint(status: AnyBudget['status'], currency: string): string | undefined {
  if (status?.projected_low == null || status.projected_high == null) return undefined
  const estimate = (units: number) => formatAmount(estimated(units), currency)
  return `In four of five cases between ${estimate(status.projected_low)} and ${estimate(status.projected_high)}`
}
