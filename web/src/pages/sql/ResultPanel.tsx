import { SegmentedControl } from '@mantine/core'
import { useMemo, useState } from 'react'
import type { SqlAnswer } from '@/api/sql'
import { plural } from '@/lib/number'
import { cellOrder, cellText, isFigure, resultBars, type SqlRow } from '@/lib/sqlResult'
import { Panel } from '@/ui/Panel'
import { Empty } from '@/ui/States'
import { type Column, DataTable } from '@/widgets/DataTable'
import { TableCsv } from '@/widgets/TableActions'
import classes from './Sql.module.css'

interface ResultPanelProps {
  query: string
  answer: SqlAnswer
}

/** The answer to a query: as a table, as bars where it has a name and a figure, and as a file. */
export function ResultPanel({ answer }: ResultPanelProps) {
  const [form, setForm] = useState('table')
  const columns = useColumns(answer)
  const rows = useMemo(() => answer.rows.map((row, at) => ({ row, at })), [answer])
  const bars = useMemo(() => resultBars(answer), [answer])
  return (
    <Panel
      title="Answer"
      note={`${plural(rows.length, 'row')}${answer.truncated ? ', and there are more' : ''}`}
      flush
      actions={
        rows.length > 0 && (
          <>
            <TableCsv
              rows={rows}
              columns={columns}
              file="outlay-query"
              label="Save the answer as CSV"
            />
            {bars.length > 0 && (
              <SegmentedControl
                size="xs"
                aria-label="Show the answer as"
                value={form}
                onChange={setForm}
                data={[
                  { value: 'table', label: 'Table' },
                  { value: 'bars', label: 'Bars' },
                ]}
              />
            )}
          </>
        )
      }
    >
      {rows.length === 0 ? (
        <Empty title="No row passes" />
      ) : form === 'bars' ? (
        <ul className={classes.bars} aria-label="Answer as bars">
          {bars.map(({ label, value, part }, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows may be alike
            <li key={at}>
              <span className="truncate" title={label}>
                {label}
              </span>
              <span className={classes.track} aria-hidden="true">
                <span data-negative={value < 0 || undefined} style={{ width: `${part * 100}%` }} />
              </span>
              <span className="number">{value.toLocaleString('en-GB')}</span>
            </li>
          ))}
        </ul>
      ) : (
        <DataTable label="Answer" rows={rows} columns={columns} rowKey={({ at }) => String(at)} />
      )}
    </Panel>
  )
}

function useColumns(answer: SqlAnswer): Column<{ row: SqlRow; at: number }>[] {
  return useMemo(
    () =>
      answer.columns.map((column) => ({
        id: column.name,
        title: column.name,
        isFigure: isFigure(column),
        className: classes.cell,
        order: ({ row }) => cellOrder(column, row),
        text: ({ row }) => cellText(row[column.name]),
        hint: ({ row }) => String(cellText(row[column.name]) ?? 'nothing'),
        cell: ({ row }) => cellText(row[column.name]) ?? <span className="muted">–</span>,
      })),
    [answer],
  )
}
