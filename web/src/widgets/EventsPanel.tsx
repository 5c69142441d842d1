import { memo } from 'react'
import { Link } from 'wouter'
import { useEvents } from '@/api/usage'
import type { Filter } from '@/lib/filters'
import { Panel } from '@/ui/Panel'
import { linkTo, useScene } from '@/view/useView'
import classes from './EventsPanel.module.css'
import { EventTable } from './EventTable'

const PAGE = 15
const COLUMNS = ['time', 'model', 'provider', 'account', 'service', 'tokens', 'status', 'amount']

/** The newest events of the period, filling as they come in. */
export const EventsPanel = memo(function EventsPanel({ filters }: { filters: Filter[] }) {
  const { view, range } = useScene()
  const events = useEvents({ range, filters, limit: PAGE })
  return (
    <Panel
      title="Newest events"
      flush
      actions={
        <Link className={classes.more} href={linkTo('/events', { ...view, filters })}>
          All events
        </Link>
      }
    >
      <EventTable label="Newest events" events={events} only={COLUMNS} empty={null} />
    </Panel>
  )
})
