import { Select, TextInput } from '@mantine/core'
import { IconDownload, IconSearch } from '@tabler/icons-react'
import { type FormEvent, useState } from 'react'
import { eventsHref } from '@/api/exports'
import { useEvents } from '@/api/usage'
import { withOnly } from '@/lib/filters'
import { Panel } from '@/ui/Panel'
import { ShortLink } from '@/ui/ShortLink'
import { useParam } from '@/view/useParam'
import { useScene, useView } from '@/view/useView'
import { EventTable } from '@/widgets/EventTable'
import { FilterBar } from '@/widgets/FilterBar'
import { ColumnsButton } from '@/widgets/TableActions'
import { useEventColumns } from '@/widgets/useEventColumns'
import classes from './Events.module.css'

const PAGE = 100
const NONE: never[] = []
const STATUSES = ['ok', 'error', 'cancelled', 'blocked']

/** Every event behind the sums: found by its id, by what it is of, or by how it ended. */
export default function Events() {
  const { view, range } = useScene()
  const [id] = useParam('id')
  // An id is sought in all of the past.
  const events = useEvents({
    range: id ? undefined : range,
    filters: view.filters,
    limit: PAGE,
    id: id ?? undefined,
  })
  const columns = useEventColumns(NONE, noop)
  return (
    <div className={classes.page}>
      <div className={classes.tools}>
        <IdField key={id} />
        <StatusField />
      </div>
      <FilterBar />
      <Panel
        title={id ? `Events of the id ${id}` : 'Events'}
        note={id ? 'Of all time: what was sent, and what changed it' : 'The newest first'}
        flush
        actions={
          <>
            <ColumnsButton columns={columns} />
            <ShortLink
              href={eventsHref({ range, filters: view.filters, format: 'csv' })}
              download
              title="Save all events of the period as CSV"
            >
              <IconDownload size={15} aria-hidden="true" />
              CSV
            </ShortLink>
          </>
        }
      >
        <EventTable
          label="Events"
          events={events}
          empty={
            id ? 'Nothing was sent under this id.' : 'Pick a longer one, or take a filter away.'
          }
        />
      </Panel>
    </div>
  )
}

function noop() {}

/** Seeks one event by the id that its sender gave it. */
function IdField() {
  const [id, ask] = useParam('id')
  const [text, setText] = useState(id ?? '')
  const seek = (event: FormEvent) => {
    event.preventDefault()
    ask(text.trim() || null)
  }
  return (
    <form onSubmit={seek} className={classes.id}>
      <TextInput
        size="sm"
        type="search"
        label="Id"
        placeholder="An event's id, then Enter"
        leftSection={<IconSearch size={14} aria-hidden="true" />}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value)
          if (event.currentTarget.value === '' && id) ask(null)
        }}
      />
    </form>
  )
}

/** How calls ended. */
function StatusField() {
  const [view, changeView] = useView()
  const filter = view.filters.find(({ attribute, op }) => attribute === 'status' && op === 'in')
  const others = view.filters.filter((one) => one !== filter)
  return (
    <Select
      size="sm"
      w={160}
      label="Status"
      placeholder="Any"
      clearable
      clearButtonProps={{ 'aria-label': 'Any status' }}
      data={STATUSES}
      value={filter?.values.length === 1 ? (filter.values[0] ?? null) : null}
      onChange={(status) =>
        changeView({ filters: status ? withOnly(others, 'status', status) : others })
      }
    />
  )
}
