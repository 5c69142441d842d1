import { Button } from '@mantine/core'
import { useState } from 'react'
import { eventKey, type UsageEvent, useEvents } from '@/api/usage'
import { parseAmount, precisionOf } from '@/lib/amount'
import type { Filter } from '@/lib/filters'
import { formatCount, formatCountExactly, quantityNumber } from '@/lib/number'
import { dayOf, formatDay, formatMoment, formatTimeToSecond } from '@/lib/time'
import { Charge } from '@/ui/Figures'
import { moveWithArrows } from '@/ui/moveWithArrows'
import { Panel } from '@/ui/Panel'
import { Empty, Failure, TableSkeleton } from '@/ui/States'
import table from '@/ui/table.module.css'
import { useScene } from '@/view/useView'
import { EventDrawer } from './EventDrawer'
import classes from './EventsPanel.module.css'

const PAGE = 15

/** The newest events of the period, filling as they come in. */
export function EventsPanel({ filters }: { filters: Filter[] }) {
  const { range, tz, now, currency } = useScene()
  const events = useEvents({ range, filters, limit: PAGE })
  const [opened, setOpened] = useState<UsageEvent | null>(null)
  const items = events.data?.pages.flatMap((page) => page.items) ?? []
  const precision = precisionOf(
    items.map(({ amount }) => (amount === null ? null : parseAmount(amount))),
  )
  const today = dayOf(now, tz)
  const time = (event: UsageEvent) => {
    const at = new Date(event.occurred_at)
    return dayOf(at, tz) === today
      ? formatTimeToSecond(at, tz)
      : `${formatDay(at, tz, now)}, ${formatTimeToSecond(at, tz)}`
  }
  return (
    <Panel title="Newest events" flush>
      {events.isError && !events.data ? (
        <Failure what="The events" error={events.error} retry={events.refetch} />
      ) : !events.data ? (
        <TableSkeleton rows={8} label="The events are loading" />
      ) : items.length === 0 ? (
        <Empty title="No events in this period" />
      ) : (
        <>
          <table className={`${table.table} ${classes.events}`} onKeyDown={moveWithArrows}>
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col">Provider and model</th>
                <th scope="col" className={classes.wide}>
                  Account
                </th>
                <th scope="col" className={classes.wide}>
                  Service
                </th>
                <th scope="col" className={`${table.right} ${classes.wide}`}>
                  Tokens
                </th>
                <th scope="col">
                  <span className={classes.word}>Status</span>
                </th>
                <th scope="col" className={table.right}>
                  Amount
                </th>
              </tr>
            </thead>
            <tbody>
              {items.map((event) => (
                <tr
                  key={eventKey(event)}
                  className={`${table.opens} ${isFresh(event) ? classes.fresh : ''}`}
                  onClick={() => setOpened(event)}
                  data-event={event.id}
                >
                  <td className="number">
                    <button
                      type="button"
                      data-row
                      aria-label={`${time(event)}, open the event`}
                      className={table.rowButton}
                      title={formatMoment(new Date(event.occurred_at), tz)}
                      onClick={(click) => {
                        click.stopPropagation()
                        setOpened(event)
                      }}
                    >
                      {time(event)}
                    </button>
                  </td>
                  <td className={classes.what}>
                    <span className={classes.model}>
                      {event.model ?? event.operation ?? event.service ?? '–'}
                    </span>
                    {event.provider && <span className={classes.provider}>{event.provider}</span>}
                    {event.kind !== 'usage' && <span className={classes.kind}>{event.kind}</span>}
                  </td>
                  <td className={`${classes.wide} ${classes.who}`}>
                    {event.account}
                    {event.subject && <span className="muted"> · {event.subject}</span>}
                  </td>
                  <td className={`${classes.wide} truncate`}>
                    {event.service ?? <span className="muted">–</span>}
                  </td>
                  <td className={`${table.right} ${classes.wide}`}>
                    <Tokens event={event} />
                  </td>
                  <td>
                    <StatusWord status={event.status} />
                  </td>
                  <td className={table.right}>
                    <Charge
                      amount={event.amount}
                      basis={event.basis}
                      currency={currency}
                      precision={precision}
                    />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          {events.hasNextPage && (
            <div className={classes.more}>
              <Button
                size="xs"
                variant="default"
                loading={events.isFetchingNextPage}
                onClick={() => events.fetchNextPage()}
              >
                Older events
              </Button>
            </div>
          )}
        </>
      )}
      <EventDrawer event={opened} close={() => setOpened(null)} />
    </Panel>
  )
}

/** How long a row is marked that came in while somebody looked. */
const FRESH_MS = 4_000

function isFresh(event: UsageEvent): boolean {
  return Date.now() - Date.parse(event.received_at) < FRESH_MS
}

/** All tokens of an event; their classes are disjoint, so they add up. */
export function tokensOf(event: UsageEvent): number {
  return Object.entries(event.quantities)
    .filter(([meter]) => meter.endsWith('_tokens'))
    .reduce((sum, [, quantity]) => sum + quantityNumber(quantity), 0)
}

function Tokens({ event }: { event: UsageEvent }) {
  const tokens = tokensOf(event)
  if (tokens === 0) return <span className="muted">–</span>
  return <span title={formatCountExactly(tokens)}>{formatCount(tokens)}</span>
}

/** How a call ended: a word always, a colour only where it went wrong. */
export function StatusWord({ status }: { status: string }) {
  const tone = status === 'ok' ? classes.ok : status === 'error' ? classes.error : classes.ended
  return (
    <span className={`${classes.status} ${tone}`}>
      <span className={classes.dot} aria-hidden="true" />
      <span className={classes.word}>{status}</span>
    </span>
  )
}
