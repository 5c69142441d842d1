import { Button, SegmentedControl } from '@mantine/core'
import { useState } from 'react'
import {
  type RecommendationState,
  type Recommendations,
  useDecide,
  useRecommendations,
} from '@/api/recommendations'
import { formatAmount, formatAmountExactly, parseAmount } from '@/lib/amount'
import {
  RECOMMENDATION_STATES,
  readRecommendationState,
  savingRange,
  savingShare,
} from '@/lib/recommendations'
import { Loaded } from '@/ui/Loaded'
import { Panel } from '@/ui/Panel'
import { Empty, messageOf, sentence } from '@/ui/States'
import { useParam } from '@/view/useParam'
import { useScene } from '@/view/useView'
import { RecommendationRow } from './RecommendationRow'
import classes from './RecommendationsPanel.module.css'

/** Days that advice rests on. */
const DAYS = 30
/** The first ones save most; the rest is asked for. */
const FIRST_MAX = 6

const EMPTY_WORDS: Record<RecommendationState, [title: string, words: string]> = {
  open: ['Nothing to save that can be proven', 'Advice needs some weeks of usage with prices.'],
  snoozed: ['Nothing is silent', 'What is snoozed comes back to the open ones.'],
  done: ['Nothing was done yet', 'What is marked as done is measured from then on.'],
  dismissed: ['Nothing was dismissed', ''],
}

/** What to do, what it saves, why one should believe it, and what became of it. */
export function RecommendationsPanel() {
  const { view, tz, currency } = useScene()
  const [asked, ask] = useParam('state')
  const state = readRecommendationState(asked)
  const found = useRecommendations({ days: DAYS, tz, filters: view.filters, state })
  const decide = useDecide()
  const [isLong, lengthen] = useState(false)
  const [title, words] = EMPTY_WORDS[state]
  return (
    <Panel
      title="What to do"
      note={`From the last ${DAYS} days`}
      flush
      actions={
        <SegmentedControl
          size="xs"
          aria-label="Which recommendations"
          data={Object.entries(RECOMMENDATION_STATES).map(([value, label]) => ({ value, label }))}
          value={state}
          onChange={(next) => ask(next === 'open' ? null : next, { replace: true })}
        />
      }
    >
      {decide.isError && (
        <p role="alert" className={`bad ${classes.error}`}>
          {sentence(messageOf(decide.error))}
        </p>
      )}
      <Loaded
        query={found}
        what="The recommendations"
        isEmpty={({ items }) => items.length === 0}
        empty={<Empty title={title}>{words && <p>{words}</p>}</Empty>}
      >
        {(data) => (
          <>
            {state === 'open' && <Total found={data} currency={currency} />}
            <ul
              className={classes.list}
              aria-label={`${RECOMMENDATION_STATES[state]} recommendations`}
            >
              {data.items.slice(0, isLong ? undefined : FIRST_MAX).map((item) => (
                <RecommendationRow
                  key={item.id}
                  item={item}
                  isBusy={decide.isPending && decide.variables.id === item.id}
                  decide={(decision, note) => decide.mutate({ id: item.id, decision, note })}
                />
              ))}
            </ul>
            {data.items.length > FIRST_MAX && !isLong && (
              <div className={classes.more}>
                <Button size="xs" variant="default" onClick={() => lengthen(true)}>
                  Show {data.items.length - FIRST_MAX} more
                </Button>
              </div>
            )}
          </>
        )}
      </Loaded>
    </Panel>
  )
}

function Total({ found, currency }: { found: Recommendations; currency: string }) {
  const { saving, spend, days } = found
  const amount = parseAmount(saving.monthly)
  if (amount <= 0n) return null
  const range = savingRange(saving, currency)
  const share = savingShare(saving, spend, days)
  return (
    <p className={classes.total} data-testid="saving-total">
      <strong title={formatAmountExactly(amount, currency)}>
        {formatAmount(amount, currency)}
      </strong>{' '}
      a month could be saved
      <span className="muted">
        {range && `, ${range}`}
        {share && `, ${share} of what is spent`}. Where advice overlaps it counts once.
      </span>
    </p>
  )
}
