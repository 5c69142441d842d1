import { Drawer } from '@mantine/core'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { eventKey, type UsageEvent, useEventStory } from '@/api/usage'
import { formatAmountExactly, parseAmount } from '@/lib/amount'
import type { Attribute } from '@/lib/filters'
import { formatCountExactly, formatDuration, quantityNumber } from '@/lib/number'
import { formatMoment } from '@/lib/time'
import { CopyBlock } from '@/ui/CopyBlock'
import { useScene } from '@/view/useView'
import classes from './EventDrawer.module.css'
import { NameLink } from './NameLink'
import { Quantities } from './Quantities'
import { StatusWord } from './StatusWord'

/** Everything that is kept of one event. */
export function EventDrawer({ event, close }: { event: UsageEvent | null; close: () => void }) {
  return (
    <Drawer
      opened={event !== null}
      onClose={close}
      position="right"
      size={460}
      title="Event"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {event && <EventDetail event={event} close={close} />}
    </Drawer>
  )
}

const BASIS_WORDS = {
  rated: 'quantities times their prices',
  stated: 'as the sender stated it',
  partly_priced: 'partly priced: what follows without a price is not in it',
  unpriced: 'no price is known',
}

function basisWords({ basis, prices }: UsageEvent): string {
  if (basis === 'rated' && !prices?.length) return 'nothing in it has a charge'
  return BASIS_WORDS[basis] ?? basis
}

function EventDetail({ event, close }: { event: UsageEvent; close: () => void }) {
  const { tz, currency } = useScene()
  const moment = (text: string) => formatMoment(new Date(text), tz)
  const dimensions = Object.entries(event.dimensions ?? {}).filter(([, value]) => value)
  const tags = Object.entries(event.tags ?? {})
  return (
    <div className={classes.detail}>
      <div>
        <p className={classes.amount}>
          {event.amount === null
            ? 'unpriced'
            : formatAmountExactly(parseAmount(event.amount), currency)}
        </p>
        <p className="muted small">{basisWords(event)}</p>
      </div>
      {event.unpriced && Object.keys(event.unpriced).length > 0 && (
        <List title="Without a price">
          {Object.entries(event.unpriced).map(([meter, quantity]) => (
            <Item key={meter} name={meter.replaceAll('_', ' ')}>
              <span className="number">{formatCountExactly(quantityNumber(quantity))}</span>
            </Item>
          ))}
        </List>
      )}
      {(event.basis === 'unpriced' || event.basis === 'partly_priced') && (
        <Link href="/prices?view=unpriced">Prices for what has none</Link>
      )}
      <Quantities event={event} />
      <Story event={event} />
      <List title="What and who">
        <NameItem attribute="provider" value={event.provider} close={close} />
        <NameItem attribute="model" value={event.model} close={close} />
        <NameItem attribute="service" value={event.service} close={close} />
        <NameItem attribute="operation" value={event.operation} close={close} />
        <NameItem attribute="account" value={event.account} close={close} />
        <NameItem attribute="subject" value={event.subject} close={close} />
        {dimensions.map(([name, value]) => (
          <NameItem key={name} attribute={name as Attribute} value={value} close={close} />
        ))}
        {tags.map(([key, value]) => (
          <NameItem key={key} attribute={`tag.${key}`} value={value} close={close} />
        ))}
      </List>
      <List title="Call">
        <Item name="status">
          <StatusWord status={event.status} />
        </Item>
        {event.duration_ms != null && (
          <Item name="duration">{formatDuration(event.duration_ms)}</Item>
        )}
        <Item name="occurred">{moment(event.occurred_at)}</Item>
        <Item name="received">{moment(event.received_at)}</Item>
      </List>
      <List title="Record">
        <Item name="kind">{event.kind}</Item>
        <Item name="source">{event.source}</Item>
        <Item name="id">
          <code className={classes.code}>{event.id}</code>
        </Item>
        {event.stated_cost != null && (
          <Item name="stated cost">
            {formatAmountExactly(parseAmount(event.stated_cost), currency)}
          </Item>
        )}
      </List>
      {event.prices.length > 0 && (
        <List title="Price rows">
          {event.prices.map((row) => (
            <Item key={row} name="id">
              <code className={classes.code}>{row}</code>
            </Item>
          ))}
        </List>
      )}
      {event.metadata != null && (
        <div>
          <h3 className={classes.heading}>Metadata</h3>
          <CopyBlock text={JSON.stringify(event.metadata, null, 2)} label="metadata" />
        </div>
      )}
    </div>
  )
}

/** What changed the event, or what it changed, in the order in which it was said. */
function Story({ event }: { event: UsageEvent }) {
  const { tz, currency } = useScene()
  const { data } = useEventStory(event)
  if (!data || data.length < 2) return null
  const facts = data.toSorted((a, b) => Date.parse(a.received_at) - Date.parse(b.received_at))
  return (
    <List title="What was said of it">
      {facts.map((fact) => (
        <Item
          key={eventKey(fact)}
          name={`${fact.kind}, ${formatMoment(new Date(fact.received_at), tz)}`}
        >
          <span className="number">
            {fact.amount === null
              ? 'unpriced'
              : formatAmountExactly(parseAmount(fact.amount), currency)}
          </span>
        </Item>
      ))}
    </List>
  )
}

function List({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div>
      <h3 className={classes.heading}>{title}</h3>
      <dl className={classes.list}>{children}</dl>
    </div>
  )
}

function Item({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={classes.item}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

interface NameItemProps {
  attribute: Attribute
  value: string | null | undefined
  close: () => void
}

/** A value that has a page. */
function NameItem({ attribute, value, close }: NameItemProps) {
  if (!value) return null
  return (
    <Item name={attribute.startsWith('tag.') ? attribute.slice(4) : attribute}>
      <NameLink attribute={attribute} name={value} onFollow={close} />
    </Item>
  )
}
