import { Button } from '@mantine/core'
import { Link } from 'wouter'
import type { Decision, Recommendation } from '@/api/recommendations'
import { useSession } from '@/api/session'
import { formatAmount, formatAmountExactly, parseAmount } from '@/lib/amount'
import { addressOf } from '@/lib/links'
import {
  CONFIDENCE_WORDS,
  decisionWords,
  figureColumns,
  kindWords,
  measuredWords,
  PRIORITY_WORDS,
  savingRange,
} from '@/lib/recommendations'
import { sentence } from '@/ui/States'
import table from '@/ui/table.module.css'
import { useScene } from '@/view/useView'
import { DecideButton } from './DecideButton'
import classes from './RecommendationsPanel.module.css'

interface RecommendationRowProps {
  item: Recommendation
  isBusy: boolean
  decide: (decision: Decision, note?: string) => void
}

export function RecommendationRow({ item, isBusy, decide }: RecommendationRowProps) {
  const { role } = useSession()
  const { tz, now, currency, view } = useScene()
  const decided = decisionWords(item, tz)
  return (
    <li className={classes.item} aria-label={item.title}>
      <div className={classes.head}>
        <h3 className={classes.title}>{item.title}</h3>
        <span className={classes.chip} data-priority={item.priority}>
          {PRIORITY_WORDS[item.priority]}
        </span>
        <Amount item={item} currency={currency} />
      </div>
      <p>{sentence(item.description)}</p>
      {item.measured && (
        <p className={classes.measured}>{sentence(measuredWords(item.measured, currency, now))}</p>
      )}
      {item.actions.length > 0 && (
        <ol className={classes.actions}>
          {item.actions.map((action) => (
            <li key={action}>{sentence(action)}</li>
          ))}
        </ol>
      )}
      <Evidence item={item} />
      {item.assumption && <p className="muted small">Assumed: {sentence(item.assumption)}</p>}
      <div className={classes.foot}>
        <span>{kindWords(item.kind)}</span>
        <span>{CONFIDENCE_WORDS[item.confidence]}</span>
        {decided && <span>{decided}</span>}
        {item.note && <span>“{item.note}”</span>}
        <Link href={addressOf(item.link, view)}>What is behind it</Link>
        {role === 'admin' && <Acts item={item} isBusy={isBusy} decide={decide} />}
      </div>
    </li>
  )
}

function Amount({ item, currency }: { item: Recommendation; currency: string }) {
  if (!item.saving) return null
  const amount = parseAmount(item.saving.monthly)
  const range = savingRange(item.saving, currency)
  return (
    <p className={classes.saving}>
      <strong className="number" title={formatAmountExactly(amount, currency)}>
        {formatAmount(amount, currency)}
      </strong>{' '}
      a month{range && <span className="muted number">, {range}</span>}
    </p>
  )
}

/** The figures that it rests on, and the sum that leads to the saving. */
function Evidence({ item: { title, evidence, proof } }: { item: Recommendation }) {
  const isProven = proof.rows.length > 0
  if (evidence.length === 0 && !isProven) return null
  const isFigure = isProven ? figureColumns(proof) : []
  const side = (at: number) => (isFigure[at] ? table.right : undefined)
  return (
    <details className={classes.evidence}>
      <summary>
        Evidence<span className="visually-hidden"> for: {title}</span>
      </summary>
      {evidence.length > 0 && (
        <dl className={classes.facts}>
          {evidence.map(({ label, value }) => (
            <div key={label}>
              <dt>{label}</dt>
              <dd className="number">{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {isProven && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        <section className={classes.proof} aria-label={`Proof for: ${title}`} tabIndex={0}>
          <table className={table.table}>
            <thead>
              <tr>
                {proof.columns.map((column, at) => (
                  <th key={column} scope="col" className={side(at)}>
                    {column}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {proof.rows.map((row) => (
                <tr key={row.join('\n')}>
                  {row.map((cell, at) => (
                    <td key={proof.columns[at]} className={side(at)}>
                      {cell}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </details>
  )
}

/** How long advice can be silent. */
const SNOOZES: [Decision, string][] = [
  [{ snooze: 7 * 24 }, 'For a week'],
  [{ snooze: 30 * 24 }, 'For a month'],
]

function Acts({ item, isBusy, decide }: RecommendationRowProps) {
  const deciding = { isBusy, decide }
  return (
    <div className={classes.acts}>
      {item.state === 'open' ? (
        <>
          <DecideButton
            label="Mark done"
            why="From now on it is measured what it saves"
            choices={[['done', 'It is done']]}
            {...deciding}
          />
          <DecideButton label="Snooze" choices={SNOOZES} {...deciding} />
          <DecideButton label="Dismiss" choices={[['dismissed', 'Dismiss it']]} {...deciding} />
        </>
      ) : (
        <Button
          size="compact-sm"
          variant="default"
          disabled={isBusy}
          onClick={() => decide('open')}
        >
          Open it again
        </Button>
      )}
    </div>
  )
}
