import type { Budget } from '@/api/budgets'
import { estimated, formatAmount, parseAmount } from '@/lib/amount'
import { barLayout, usedOf, usedShare } from '@/lib/budgets'
import classes from './Budgets.module.css'

/**
 * What is spent of what may be, with the forecast behind it as a lighter bar, its range as a
 * whisker, and the thresholds as ticks below.
 */
export function BudgetBar({ budget, currency }: { budget: Budget; currency: string }) {
  const layout = barLayout(budget)
  const { projected, range } = layout
  return (
    <div
      className={classes.bar}
      data-state={budget.status.state}
      role="img"
      aria-label={inWords(budget, currency)}
    >
      <div className={classes.track}>
        {layout.limit < 100 && (
          <span className={classes.beyond} style={{ left: `${layout.limit}%` }} />
        )}
        {projected !== null && (
          <span
            className={classes.projected}
            style={{ left: `${layout.spent}%`, width: `${projected - layout.spent}%` }}
          />
        )}
        <span className={classes.spent} style={{ width: `${layout.spent}%` }} />
        {range && (
          <span
            className={classes.whisker}
            style={{ left: `${range[0]}%`, width: `${range[1] - range[0]}%` }}
          />
        )}
        {layout.limit < 100 && (
          <span className={classes.limit} style={{ left: `${layout.limit}%` }} />
        )}
        {layout.isCut && <span className={classes.cut} title="It goes on beyond" />}
      </div>
      <div className={classes.ticks}>
        {layout.ticks.map((tick) => (
          <span
            key={`${tick.basis} ${tick.percent}`}
            className={classes.tick}
            data-basis={tick.basis}
            data-reached={tick.isReached || undefined}
            style={{ left: `${tick.at}%` }}
            title={`${tick.percent} % of ${tick.basis === 'actual' ? 'what is spent' : 'the forecast'}${tick.isReached ? ', reached' : ''}`}
          />
        ))}
      </div>
    </div>
  )
}

function inWords({ status, thresholds }: Budget, currency: string): string {
  const amount = (text: string) => formatAmount(parseAmount(text), currency)
  const reached = status.reached.length
  return [
    `${formatAmount(usedOf(status), currency)} of ${amount(status.available)} spent, ${usedShare(status.percent)}`,
    status.projected !== null &&
      `forecast ${formatAmount(estimated(status.projected), currency)} by the end`,
    thresholds.length > 0 && `${reached} of ${thresholds.length} thresholds reached`,
  ]
    .filter(Boolean)
    .join('; ')
}
