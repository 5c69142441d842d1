import { Drawer } from '@mantine/core'
import type { ReactNode } from 'react'
import type { UsageEvent } from '@/api/usage'
import { formatAmountExactly, parseAmount } from '@/lib/amount'
import { setPriceCommand } from '@/lib/commands'
import { type Attribute, withOnly } from '@/lib/filters'
import { formatCountExactly, formatDuration, quantityNumber } from '@/lib/number'
import { formatMoment } from '@/lib/time'
import { CopyBlock } from '@/ui/CopyBlock'
import { useScene, useView } from '../frame/useView'
import classes from './EventDrawer.module.css'
import { StatusWord } from './EventsPanel'

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
  rated: 'quantities times the prices below',
  stated: 'as the sender stated it',
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
      {event.amount === null && (
        <CopyBlock text={setPriceCommand(event.provider ?? null, event.model ?? null)} />
      )}
      <List title="Quantities">
        {Object.entries(event.quantities).map(([meter, quantity]) => (
          <Item key={meter} name={meter.replaceAll('_', ' ')}>
            <span className="number">{formatCountExactly(quantityNumber(quantity))}</span>
          </Item>
        ))}
      </List>
      <List title="What and who">
        <Narrowing attribute="provider" value={event.provider} close={close} />
        <Narrowing attribute="model" value={event.model} close={close} />
        <Narrowing attribute="service" value={event.service} close={close} />
        <Narrowing attribute="operation" value={event.operation} close={close} />
        <Narrowing attribute="account" value={event.account} close={close} />
        <Narrowing attribute="subject" value={event.subject} close={close} />
        {dimensions.map(([name, value]) => (
          <Narrowing key={name} attribute={name as Attribute} value={value} close={close} />
        ))}
        {tags.map(([key, value]) => (
          <Narrowing key={key} attribute={`tag.${key}`} value={value} close={close} />
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
        {event.prices && event.prices.length > 0 && (
          <Item name="prices">
            {event.prices.map((price) => (
              <code key={price} className={classes.code}>
                {price}
              </code>
            ))}
          </Item>
        )}
      </List>
      {event.metadata != null && (
        <div>
          <h3 className={classes.heading}>Metadata</h3>
          <CopyBlock text={JSON.stringify(event.metadata, null, 2)} label="metadata" />
        </div>
      )}
    </div>
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

interface NarrowingProps {
  attribute: Attribute
  value: string | null | undefined
  close: () => void
}

/** A value that the page can be narrowed to. */
function Narrowing({ attribute, value, close }: NarrowingProps) {
  const [view, changeView] = useView()
  if (!value) return null
  const narrow = () => {
    close()
    changeView({ filters: withOnly(view.filters, attribute, value) })
  }
  return (
    <Item name={attribute.startsWith('tag.') ? attribute.slice(4) : attribute}>
      <button type="button" className={classes.value} onClick={narrow} title="Show only this">
        {value}
      </button>
    </Item>
  )
}
