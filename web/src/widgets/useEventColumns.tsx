import { useMemo } from 'react'
import type { UsageEvent } from '@/api/usage'
import { parseAmount, precisionOf } from '@/lib/amount'
import { type Attribute, attributeLabel } from '@/lib/filters'
import { formatCount, formatCountExactly, formatDuration, quantityNumber } from '@/lib/number'
import { dayOf, formatDay, formatMoment, formatTimeToSecond } from '@/lib/time'
import { Charge } from '@/ui/Figures'
import table from '@/ui/table.module.css'
import { useScene } from '@/view/useView'
import type { Column } from './DataTable'
import classes from './EventTable.module.css'
import { NameLink } from './NameLink'
import { StatusWord } from './StatusWord'

/** All tokens of an event; their classes are disjoint, so they add up. */
export function tokensOf(event: UsageEvent): number {
  return Object.entries(event.quantities)
    .filter(([meter]) => meter.endsWith('_tokens'))
    .reduce((sum, [, quantity]) => sum + quantityNumber(quantity), 0)
}

/** The dimensions that have a column of their own, where somebody chose it. */
const DIMENSIONS = ['team', 'project', 'platform', 'environment'] as const

/** The columns of events; `open` shows everything that is kept of one. */
export function useEventColumns(
  events: UsageEvent[],
  open: (event: UsageEvent) => void,
): Column<UsageEvent>[] {
  const { tz, now, currency } = useScene()
  const today = dayOf(now, tz)
  return useMemo(() => {
    const precision = precisionOf(
      events.map(({ amount }) => (amount === null ? null : parseAmount(amount))),
    )
    const named = (
      attribute: Attribute,
      value: (event: UsageEvent) => string | null | undefined,
      more: Partial<Column<UsageEvent>> = {},
    ): Column<UsageEvent> => ({
      id: attribute,
      title: attributeLabel(attribute),
      className: classes.name,
      text: (event) => value(event) ?? null,
      cell: (event) => {
        const name = value(event)
        return name ? <NameLink attribute={attribute} name={name} /> : <None />
      },
      ...more,
    })
    return [
      timeColumn(tz, today, now, open),
      named('model', ({ model }) => model, {
        cell: (event) => <What event={event} />,
        className: classes.what,
      }),
      named('provider', ({ provider }) => provider, { isWide: true }),
      named('account', ({ account }) => account, { isWide: true }),
      named('subject', ({ subject }) => subject, { isWide: true, isOptional: true }),
      named('service', ({ service }) => service, { isWide: true }),
      named('operation', ({ operation }) => operation, { isWide: true, isOptional: true }),
      ...DIMENSIONS.map((dimension) =>
        named(dimension, ({ dimensions }) => dimensions?.[dimension], {
          isWide: true,
          isOptional: true,
        }),
      ),
      {
        id: 'id',
        title: 'Id',
        isWide: true,
        isOptional: true,
        className: classes.name,
        text: ({ id }) => id,
        cell: ({ id }) => <code className={classes.code}>{id}</code>,
      },
      {
        id: 'source',
        title: 'Source',
        isWide: true,
        isOptional: true,
        text: ({ source }) => source,
        cell: ({ source }) => source,
      },
      {
        id: 'tokens',
        title: 'Tokens',
        isFigure: true,
        isWide: true,
        text: tokensOf,
        cell: (event) => <Tokens event={event} />,
      },
      {
        id: 'duration',
        title: 'Duration',
        isFigure: true,
        isWide: true,
        isOptional: true,
        text: ({ duration_ms }) => duration_ms,
        cell: ({ duration_ms }) => (duration_ms === null ? <None /> : formatDuration(duration_ms)),
      },
      {
        id: 'status',
        title: 'Status',
        text: ({ status }) => status,
        cell: ({ status }) => <StatusWord status={status} />,
      },
      {
        id: 'amount',
        title: 'Amount',
        isFigure: true,
        text: ({ amount }) => amount,
        cell: ({ amount, basis }) => (
          <Charge amount={amount} basis={basis} currency={currency} precision={precision} />
        ),
      },
    ]
  }, [events, open, tz, now, today, currency])
}

function timeColumn(
  tz: string,
  today: string,
  now: Date,
  open: (event: UsageEvent) => void,
): Column<UsageEvent> {
  const time = (event: UsageEvent) => {
    const at = new Date(event.occurred_at)
    return dayOf(at, tz) === today
      ? formatTimeToSecond(at, tz)
      : `${formatDay(at, tz, now)}, ${formatTimeToSecond(at, tz)}`
  }
  return {
    id: 'time',
    title: 'Time',
    className: `number ${classes.time}`,
    text: ({ occurred_at }) => occurred_at,
    cell: (event) => (
      <button
        type="button"
        data-row
        aria-label={`${time(event)}, open the event`}
        className={table.rowButton}
        title={formatMoment(new Date(event.occurred_at), tz)}
        onClick={(click) => {
          click.stopPropagation()
          open(event)
        }}
      >
        {time(event)}
      </button>
    ),
  }
}

/** What was called: the model, or what else it is known by. */
function What({ event }: { event: UsageEvent }) {
  return (
    <span className={classes.called}>
      {event.model ? (
        <NameLink attribute="model" name={event.model} />
      ) : (
        <span>{event.operation ?? event.service ?? '–'}</span>
      )}
      {event.kind !== 'usage' && <span className={classes.kind}>{event.kind}</span>}
    </span>
  )
}

function Tokens({ event }: { event: UsageEvent }) {
  const tokens = tokensOf(event)
  if (tokens === 0) return <None />
  return <span title={formatCountExactly(tokens)}>{formatCount(tokens)}</span>
}

function None() {
  return <span className="muted">–</span>
}
