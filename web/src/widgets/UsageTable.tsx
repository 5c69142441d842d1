import { TextInput } from '@mantine/core'
import { useMemo, useState } from 'react'
import { csvHref, type UsageRow, useUsage } from '@/api/usage'
import { assignSlots } from '@/lib/colour'
import { csvName } from '@/lib/csv'
import { type Attribute, attributeLabel, beginningWith, type Filter, withOnly } from '@/lib/filters'
import type { Measure } from '@/lib/measures'
import { formatCountExactly, plural } from '@/lib/number'
import { previousLabel, previousUpToNow } from '@/lib/period'
import { groupKey, SERIES_MAX } from '@/lib/series'
import { chosenColumns } from '@/lib/table'
import { CsvLink } from '@/ui/CsvLink'
import { Loaded } from '@/ui/Loaded'
import { Panel } from '@/ui/Panel'
import { Empty } from '@/ui/States'
import { useParam } from '@/view/useParam'
import { useScene, useView } from '@/view/useView'
import { DataTable } from './DataTable'
import { PanelMenu } from './PanelMenu'
import { ColumnsButton } from './TableActions'
import { useUsageColumns } from './useUsageColumns'

/** Rows that are asked for, at most. */
const ROWS_MAX = 1_000
/** Rows of the period before, among which this one's are found. */
const BASE_ROWS_MAX = 1_000

interface UsageTableProps {
  title: string
  by: Attribute[]
  filters: Filter[]
  /** What the rows are measured by, the one that matters first. */
  measures: Measure[]
  optional?: Measure[]
  actions?: React.ReactNode
  /** What its words in the address begin with. */
  name?: string
  /** Whether a press on a row narrows the page to it. */
  narrows?: boolean
  /** Whether it can be kept by itself, where the page around it is no view. */
  keeps?: boolean
}

const NONE: Measure[] = []

/** Every group of some usage with its readings. */
export function UsageTable({
  title,
  by,
  filters,
  measures,
  optional = NONE,
  actions,
  name = '',
  narrows,
  keeps,
}: UsageTableProps) {
  const [view, changeView] = useView()
  const { range, tz, now, currency } = useScene()
  const asked = useMemo(
    () => [...new Set<Measure>([...measures, ...optional, 'unpriced'])],
    [measures, optional],
  )
  const [main = 'spend'] = measures
  const [sought, find] = useParam(`${name}find`)
  const [first] = by
  const narrowed = useMemo(
    () => (sought && first ? [...filters, beginningWith(first, sought)] : filters),
    [filters, first, sought],
  )
  const ask = { tz, filters: narrowed, by }
  const current = useUsage('breakdown', { ...ask, range, measures: asked, top: ROWS_MAX })
  const previous = useUsage(
    'breakdown',
    {
      ...ask,
      range: previousUpToNow(view.period, now, tz),
      measures: [main],
      top: BASE_ROWS_MAX,
    },
    { enabled: view.compare },
  )
  const rows = useMemo(() => current.data?.rows ?? [], [current.data])
  const slots = useMemo(
    () => assignSlots(by.join(), rows.slice(0, SERIES_MAX).map(groupKey)),
    [by, rows],
  )
  const label = previousLabel(view.period, now, tz)
  const before = useMemo(() => {
    if (!view.compare || !previous.data) return undefined
    const readings = new Map(
      previous.data.rows.map((row) => [groupKey(row), row.readings[main]] as const),
    )
    return { readings: (row: UsageRow) => readings.get(groupKey(row)), label }
  }, [view.compare, previous.data, main, label])
  const narrow = useMemo(() => {
    if (!narrows) return undefined
    return (row: UsageRow) => {
      if (row.isOther) return
      const only = (all: Filter[], attribute: Attribute, at: number) =>
        withOnly(all, attribute, row.names[at] ?? '')
      changeView({ filters: by.reduce(only, filters) })
    }
  }, [narrows, by, filters, changeView])
  const columns = useUsageColumns({
    by,
    rows,
    total: current.data?.total,
    measures,
    optional,
    slots,
    currency,
    before,
    narrow,
  })
  const [columnsAsked] = useParam(`${name}columns`)
  const [sort] = useParam(`${name}sort`)
  const shown: string[] = chosenColumns(columnsAsked, columns).map(({ id }) => id)
  return (
    <Panel
      title={title}
      note={current.data && countWords(rows)}
      flush
      actions={
        <>
          {first && (sought !== null || rows.some(isOther)) && (
            <FindName attribute={first} sought={sought ?? ''} find={find} />
          )}
          {actions}
          {optional.length > 0 && <ColumnsButton columns={columns} name={name} />}
          {current.data && (
            <CsvLink
              name={csvName([main, 'by', ...by], range, tz)}
              label="Save the breakdown as CSV"
              href={csvHref('breakdown', {
                ...current.data.question,
                measures: asked.filter((one) => one === 'unpriced' || shown.includes(one)),
              })}
            />
          )}
          {keeps && (
            <PanelMenu
              title={lowered(title)}
              view={{ ...view, filters, by, measure: main, shown: 'table' }}
              words={{ sort, columns: columnsAsked }}
            />
          )}
        </>
      }
    >
      <Loaded
        query={current}
        what="The breakdown"
        rows={8}
        isEmpty={() => rows.length === 0}
        empty={
          <Empty title={sought ? `Nothing begins with “${sought}”` : 'Nothing to break down'} />
        }
      >
        {() => (
          <DataTable
            label={title}
            rows={rows}
            columns={columns}
            rowKey={groupKey}
            name={name}
            open={narrow}
            isLast={isOther}
          />
        )}
      </Loaded>
    </Panel>
  )
}

/** A title within a sentence. */
function lowered(title: string): string {
  return title.charAt(0).toLowerCase() + title.slice(1)
}

/** How many rows there are; where smaller ones are one, that too. */
function countWords(rows: UsageRow[]): string {
  const named = rows.filter((row) => !row.isOther).length
  return named === rows.length
    ? plural(named, 'row')
    : `The ${formatCountExactly(named)} largest rows, and all others in one`
}

interface FindNameProps {
  attribute: Attribute
  sought: string
  find: (text: string | null, options: { replace: boolean }) => void
}

/** Looks among all groups, also those that are not listed. */
function FindName({ attribute, sought, find }: FindNameProps) {
  const [text, setText] = useState(sought)
  const label = `Find by how the ${attributeLabel(attribute).toLowerCase()} begins`
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        find(text.trim() || null, { replace: true })
      }}
    >
      <TextInput
        size="xs"
        w={200}
        type="search"
        aria-label={label}
        placeholder={label}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onBlur={() => find(text.trim() || null, { replace: true })}
      />
    </form>
  )
}

function isOther(row: UsageRow): boolean {
  return row.isOther
}
