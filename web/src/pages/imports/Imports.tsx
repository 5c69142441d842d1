import { useMemo, useState } from 'react'
import { type ImportedSource, useImports } from '@/api/imports'
import { useSession } from '@/api/session'
import { formatCount, formatCountExactly } from '@/lib/number'
import { formatAgo, formatMoment } from '@/lib/time'
import { CopyBlock } from '@/ui/CopyBlock'
import { Loaded } from '@/ui/Loaded'
import { Panel } from '@/ui/Panel'
import { Empty } from '@/ui/States'
import table from '@/ui/table.module.css'
import { useNow } from '@/ui/useNow'
import { type Column, DataTable } from '@/widgets/DataTable'
import classes from './Imports.module.css'

const NONE: ImportedSource[] = []

/** What was read in from elsewhere: how far, what became of its rows, and which were refused. */
export default function Imports() {
  const imports = useImports()
  const [opened, setOpened] = useState<string | null>(null)
  const sources = imports.data ?? NONE
  const columns = useImportColumns(setOpened)
  const shown = sources.find(({ source }) => source === opened)
  return (
    <div className={classes.page}>
      <Panel title="Sources" note="Looked at again every five seconds" flush>
        <Loaded
          query={imports}
          what="The imports"
          isEmpty={(all) => all.length === 0}
          empty={<NoImports />}
        >
          {() => (
            <DataTable
              label="Sources"
              rows={sources}
              columns={columns}
              rowKey={({ source }) => source}
              open={({ source }) => setOpened(source)}
            />
          )}
        </Loaded>
      </Panel>
      {shown && <Refusals source={shown} />}
    </div>
  )
}

function NoImports() {
  const { role } = useSession()
  return (
    <Empty title="Nothing was imported yet">
      {role === 'admin' ? (
        <div className={classes.how}>
          <p>CSV and JSON lines, or a LeadFactory database with its whole past:</p>
          <CopyBlock text="outlay import csv usage.csv" />
          <p>What is read shows up here while it is read, with the rows that were refused.</p>
        </div>
      ) : (
        <p>An admin can import what other systems know.</p>
      )}
    </Empty>
  )
}

function useImportColumns(open: (source: string) => void): Column<ImportedSource>[] {
  const tz = useSession().time_zone || 'UTC'
  const now = useNow()
  return useMemo(() => {
    const rows = (
      id: keyof ImportedSource['rows'],
      title: string,
      isWide = false,
    ): Column<ImportedSource> => ({
      id,
      title,
      isFigure: true,
      isWide,
      order: (source) => source.rows[id] ?? 0,
      hint: (source) => formatCountExactly(source.rows[id] ?? 0),
      cell: (source) => formatCount(source.rows[id] ?? 0),
    })
    return [
      {
        id: 'name',
        title: 'Source',
        isHeading: true,
        order: ({ name }) => name,
        cell: ({ name, source, kind }) => (
          <button
            type="button"
            data-row
            className={table.rowButton}
            title={source}
            onClick={(event) => {
              event.stopPropagation()
              open(source)
            }}
          >
            {name} <span className="muted">{kind}</span>
          </button>
        ),
      },
      rows('accepted', 'New'),
      rows('repeated', 'Known before', true),
      rows('left_out', 'Left out', true),
      rows('refused', 'Refused'),
      {
        id: 'last',
        title: 'Last read',
        isFigure: true,
        isWide: true,
        order: ({ last_at }) => Date.parse(last_at),
        hint: ({ last_at }) => formatMoment(new Date(last_at), tz),
        cell: ({ last_at }) => formatAgo(new Date(last_at), now),
      },
    ]
  }, [open, tz, now])
}

/** The rows of a source that were not taken, the newest ones, and why. */
function Refusals({ source: { name, refusals, merged_into, rows } }: { source: ImportedSource }) {
  return (
    <Panel title={`Refused of ${name}`} note={merged_into && `Counts as ${merged_into}`} flush>
      {refusals.length === 0 ? (
        <Empty title="No row was refused" />
      ) : (
        <>
          <DataTable
            label={`Refused of ${name}`}
            name="refused-"
            rows={refusals}
            columns={REFUSAL_COLUMNS}
            rowKey={({ row, field }) => `${row} ${field}`}
          />
          {(rows.refused ?? 0) > refusals.length && (
            <p className={`muted small ${classes.note}`}>
              The newest {refusals.length} of {formatCountExactly(rows.refused ?? 0)}.
            </p>
          )}
        </>
      )}
    </Panel>
  )
}

const REFUSAL_COLUMNS: Column<ImportedSource['refusals'][number]>[] = [
  { id: 'row', title: 'Row', isHeading: true, text: ({ row }) => row, cell: ({ row }) => row },
  {
    id: 'field',
    title: 'Field',
    text: ({ field }) => field,
    cell: ({ field }) => <code className={classes.code}>{field}</code>,
  },
  { id: 'detail', title: 'Why', text: ({ detail }) => detail, cell: ({ detail }) => detail },
]
