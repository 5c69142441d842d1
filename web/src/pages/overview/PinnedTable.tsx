import { useMemo } from 'react'
import { Link } from 'wouter'
import { useUsage } from '@/api/usage'
import type { SavedView } from '@/api/views'
import { assignSlots } from '@/lib/colour'
import type { Measure } from '@/lib/measures'
import { linkOfSaved, tableWordsOf } from '@/lib/savedViews'
import { groupKey, SERIES_MAX } from '@/lib/series'
import { chosenColumns, readSort, sortedRows } from '@/lib/table'
import { Loaded } from '@/ui/Loaded'
import { Empty } from '@/ui/States'
import table from '@/ui/table.module.css'
import type { Scene } from '@/view/useView'
import type { Column } from '@/widgets/DataTable'
import data from '@/widgets/DataTable.module.css'
import { useUsageColumns } from '@/widgets/useUsageColumns'
import classes from './PinnedViews.module.css'

/** Rows that a panel has room for, and those among which they are found. */
const ROWS_SHOWN = 6
const ROWS_MAX = 200

const BESIDE: Measure[] = ['spend', 'requests', 'tokens', 'errors']

/** The first rows of a view that is a table, ordered as it was kept. */
export function PinnedTable({ saved, scene }: { saved: SavedView; scene: Scene }) {
  const { view, range, tz, currency } = scene
  const { by, measure, filters } = view
  const measures = useMemo(
    () => [measure, ...BESIDE.filter((beside) => beside !== measure)],
    [measure],
  )
  const asked = useMemo(() => [...new Set<Measure>([...measures, 'unpriced'])], [measures])
  const answer = useUsage('breakdown', { range, tz, by, filters, measures: asked, top: ROWS_MAX })
  const rows = useMemo(() => answer.data?.rows ?? [], [answer.data])
  const slots = useMemo(
    () => assignSlots(by.join(), rows.slice(0, SERIES_MAX).map(groupKey)),
    [by, rows],
  )
  const columns = useUsageColumns({
    by,
    rows,
    total: answer.data?.total,
    measures,
    slots,
    currency,
  })
  const words = tableWordsOf(saved)
  const shown = chosenColumns(words.columns, columns)
  const sorted = sortedRows(rows, readSort(words.sort, columns), columns, (row) => row.isOther)
  return (
    <Loaded
      query={answer}
      what="The table"
      rows={ROWS_SHOWN}
      isEmpty={() => rows.length === 0}
      empty={<Empty title="No usage in this period" />}
    >
      {() => (
        <>
          <table className={`${table.table} ${data.table}`} aria-label={saved.name}>
            <thead>
              <tr>
                {shown.map((column) => (
                  <th key={column.id} scope="col" className={cellClass(column)}>
                    {column.title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {sorted.slice(0, ROWS_SHOWN).map((row) => (
                <tr key={groupKey(row)}>
                  {shown.map((column) => {
                    const Cell = column.isHeading ? 'th' : 'td'
                    return (
                      <Cell
                        key={column.id}
                        scope={column.isHeading ? 'row' : undefined}
                        title={column.hint?.(row)}
                        className={`${cellClass(column)} ${column.className ?? ''}`}
                      >
                        {column.cell(row)}
                      </Cell>
                    )
                  })}
                </tr>
              ))}
            </tbody>
          </table>
          {rows.length > ROWS_SHOWN && (
            <p className={classes.rest}>
              <Link href={linkOfSaved(saved)}>All {rows.length} in Explore</Link>
            </p>
          )}
        </>
      )}
    </Loaded>
  )
}

function cellClass<Row>({ isFigure, isWide }: Column<Row>): string {
  return [isFigure && table.right, isWide && data.wide].filter(Boolean).join(' ')
}
