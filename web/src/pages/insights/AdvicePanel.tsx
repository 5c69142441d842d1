import { Link } from 'wouter'
import { type Recommendation, useRecommendations } from '@/api/insights'
import { useSession } from '@/api/session'
import { estimated, formatAmount, parseAmount } from '@/lib/amount'
import { THIN } from '@/lib/number'
import { Panel } from '@/ui/Panel'
import { Empty, Failure, sentence, TableSkeleton } from '@/ui/States'
import classes from './Insights.module.css'

/** What to do, what it saves, and why one should believe it. */
export function AdvicePanel() {
  const { currency } = useSession()
  const advice = useRecommendations()
  const total = advice.data && parseAmount(advice.data.savings_monthly)
  return (
    <Panel
      title="What to do"
      note={
        total !== undefined &&
        total > 0n &&
        `Up to ${formatAmount(total, currency)} a month, counted once where advice overlaps`
      }
      flush
    >
      {advice.isError && !advice.data ? (
        <Failure what="The advice" error={advice.error} retry={advice.refetch} />
      ) : !advice.data ? (
        <TableSkeleton rows={3} label="The advice is loading" />
      ) : advice.data.items.length === 0 ? (
        <Empty title="Nothing to save that can be proven">
          Advice needs some weeks of usage with prices.
        </Empty>
      ) : (
        <ul className={classes.advice}>
          {advice.data.items.map((one) => (
            <Advice key={one.id} advice={one} currency={currency} />
          ))}
        </ul>
      )}
    </Panel>
  )
}

const PRIORITIES = { high: 'First', medium: 'Then', low: 'When there is time' }

function Advice({ advice, currency }: { advice: Recommendation; currency: string }) {
  const { low, high } = advice
  const money = (amount: string | number) => formatAmount(estimated(Number(amount)), currency)
  return (
    <li>
      <div className={classes.adviceHead}>
        <h3>{advice.title}</h3>
        <span className={classes.priority} data-priority={advice.priority}>
          {PRIORITIES[advice.priority]}
        </span>
        {advice.savings_monthly !== null && (
          <p className={classes.saving}>
            <strong className="number">{money(advice.savings_monthly)}</strong> a month
            {low !== null && high !== null && (
              <span className="muted">
                , {money(low)} to {money(high)}
              </span>
            )}
          </p>
        )}
      </div>
      <p>{sentence(advice.description)}</p>
      {advice.actions.length > 0 && (
        <ol className={classes.actions}>
          {advice.actions.map((action) => (
            <li key={action}>{sentence(action)}</li>
          ))}
        </ol>
      )}
      <p className={classes.evidence}>
        {advice.service && <span>{advice.service}</span>}
        <span>
          {Math.round(advice.confidence * 100)}
          {THIN}% sure
        </span>
        {advice.path && <Link href={advice.path}>The usage that shows it</Link>}
      </p>
    </li>
  )
}
