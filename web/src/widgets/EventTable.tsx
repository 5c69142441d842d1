import { type ReactNode, useCallback, useMemo, useState } from 'react'
import { eventKey, type UsageEvent, type useEvents } from '@/api/usage'
import { Loaded } from '@/ui/Loaded'
import { Empty } from '@/ui/States'
import { DataTable } from './DataTable'
import { EventDrawer } from './EventDrawer'
import classes from './EventTable.module.css'
import { MoreButton } from './MoreButton'
import { useEventColumns } from './useEventColumns'

interface EventTableProps {
  label: string
  events: ReturnType<typeof useEvents>
  /** What stands where there are none. */
  empty: ReactNode
  /** The columns, where they are not all that there are. */
  only?: string[]
}

/** Events, the newest first; a row opens everything that is kept of it. */
export function EventTable({ label, events, empty, only }: EventTableProps) {
  const [opened, setOpened] = useState<UsageEvent | null>(null)
  const open = useCallback((event: UsageEvent) => setOpened(event), [])
  const items = useMemo(() => events.data?.pages.flatMap((page) => page.items) ?? [], [events.data])
  const all = useEventColumns(items, open)
  const columns = useMemo(
    () => (only ? all.filter(({ id }) => only.includes(id)) : all),
    [all, only],
  )
  return (
    <>
      <Loaded
        query={events}
        what="The events"
        rows={8}
        isEmpty={() => items.length === 0}
        empty={<Empty title="No events in this period">{empty}</Empty>}
      >
        {() => (
          <DataTable
            label={label}
            rows={items}
            columns={columns}
            rowKey={eventKey}
            open={open}
            rowClass={(event) => (isFresh(event) ? classes.fresh : undefined)}
            rowData={(event) => ({ 'data-event': event.id })}
          />
        )}
      </Loaded>
      {events.data && <MoreButton query={events}>Older events</MoreButton>}
      <EventDrawer event={opened} close={() => setOpened(null)} />
    </>
  )
}

/** How long a row is marked that came in while somebody looked. */
const FRESH_MS = 4_000

function isFresh(event: UsageEvent): boolean {
  return Date.now() - Date.parse(event.received_at) < FRESH_MS
}
