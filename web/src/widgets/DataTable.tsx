import { type KeyboardEvent, type ReactNode, useEffect, useMemo, useRef } from 'react'
import { type ColumnFacts, chosenColumns, readSort, sortedRows } from '@/lib/table'
import table from '@/ui/table.module.css'
import { useParam } from '@/view/useParam'
import classes from './DataTable.module.css'
import { SortHead } from './SortHead'
import { useOverflow } from './useOverflow'
import { ROW_HEIGHT, useVirtualRows, VIRTUAL_FROM } from './useVirtualRows'

/** A column: what it is called, what stands in it, and how it is ordered. */
export interface Column<Row> extends ColumnFacts<Row> {
  cell: (row: Row) => ReactNode
  /** Figures stand to the right. */
  isFigure?: boolean
  /** Whether a phone has no room for it. */
  isWide?: boolean
  /** Whether it heads its row for those who are read to. */
  isHeading?: boolean
  /** What stands under it. */
  total?: ReactNode
  /** Every digit, for whoever points at it. */
  hint?: (row: Row) => string | undefined
  className?: string
}

export interface DataTableProps<Row> {
  /** What it is a table of, for those who do not see it. */
  label: string
  rows: Row[]
  columns: Column<Row>[]
  rowKey: (row: Row) => string
  /** What its words in the address begin with, where a page has several tables. */
  name?: string
  /** What a press on a row does, besides what stands in it. */
  open?: (row: Row) => void
  /** Rows that stay last in any order. */
  isLast?: (row: Row) => boolean
  onPoint?: (row: Row | null) => void
  rowClass?: (row: Row) => string | undefined
  /** How high a row is where the table is too long to be drawn whole. */
  rowHeight?: number
  /** Whether the link that led here is about this row. */
  isCurrent?: (row: Row) => boolean
  /** What a row is found by in tests, and by whoever links to it. */
  rowData?: (row: Row) => Record<`data-${string}`, string>
}

/** The columns that are shown and the rows in the order that the address says. */
export function useTableView<Row>({
  rows,
  columns,
  name = '',
  isLast,
}: Pick<DataTableProps<Row>, 'rows' | 'columns' | 'name' | 'isLast'>) {
  const [sortAsked, askSort] = useParam(`${name}sort`)
  const [columnsAsked] = useParam(`${name}columns`)
  const sort = readSort(sortAsked, columns)
  const ordered = useMemo(
    () => sortedRows(rows, readSort(sortAsked, columns), columns, isLast),
    [rows, columns, sortAsked, isLast],
  )
  const shown = useMemo(() => chosenColumns(columnsAsked, columns), [columnsAsked, columns])
  return { sort, askSort, ordered, shown }
}

/**
 * A table of any length: ordered by a press on a head, read with the arrow keys, and drawn only as far
 * as it is on the screen.
 */
export function DataTable<Row>(props: DataTableProps<Row>) {
  const { label, rowKey, open, onPoint, rowClass, rowData, isCurrent } = props
  const { rowHeight = ROW_HEIGHT } = props
  const { sort, askSort, ordered, shown } = useTableView(props)
  const body = useRef<HTMLTableSectionElement>(null)
  const { first, end, before, after, reveal, show } = useVirtualRows(
    body,
    ordered.length,
    rowHeight,
  )
  const current = isCurrent ? ordered.findIndex(isCurrent) : -1
  useEffect(() => {
    if (current >= 0) show(current)
  }, [current, show])
  const frame = useRef<HTMLDivElement>(null)
  const isScrolling = useOverflow(frame)
  const hasTotals = shown.some(({ total }) => total !== undefined)
  const isVirtual = ordered.length > VIRTUAL_FROM
  // A phone leaves out the wide columns, and the last one that stays keeps its distance to the edge.
  const lastOnPhone = shown.findLast(({ isWide }) => !isWide)
  const cellClass = (column: Column<Row>) =>
    [
      column.isFigure && table.right,
      column.isWide && classes.wide,
      column === lastOnPhone && classes.last,
      column.className,
    ]
      .filter(Boolean)
      .join(' ')
  return (
    // What scrolls is reached by the keyboard, also where nothing in it is.
    <div
      ref={frame}
      className={classes.frame}
      {...(isScrolling && { role: 'group', 'aria-label': `${label}, sideways`, tabIndex: 0 })}
    >
      <table
        className={`${table.table} ${classes.table}`}
        aria-label={label}
        data-virtual={isVirtual || undefined}
        aria-rowcount={isVirtual ? ordered.length + 1 : undefined}
        onKeyDown={(event) => moveInTable(event, ordered.length, reveal)}
        onPointerLeave={() => onPoint?.(null)}
      >
        <thead>
          <tr>
            {shown.map((column) => (
              <SortHead
                key={column.id}
                column={column}
                sort={sort}
                sample={ordered[0]}
                className={cellClass(column)}
                onSort={(next) => askSort(next, { replace: true })}
              />
            ))}
          </tr>
        </thead>
        <tbody ref={body}>
          {before > 0 && <Space columns={shown.length} height={before} />}
          {ordered.slice(first, end).map((row, at) => (
            <tr
              key={rowKey(row)}
              className={[open && table.opens, rowClass?.(row)].filter(Boolean).join(' ')}
              style={isVirtual ? { height: rowHeight } : undefined}
              aria-current={first + at === current || undefined}
              aria-rowindex={isVirtual ? first + at + 2 : undefined}
              data-index={first + at}
              onClick={open && (() => open(row))}
              onPointerEnter={onPoint && (() => onPoint(row))}
              {...rowData?.(row)}
            >
              {shown.map((column) => {
                const Cell = column.isHeading ? 'th' : 'td'
                return (
                  <Cell
                    key={column.id}
                    scope={column.isHeading ? 'row' : undefined}
                    className={cellClass(column)}
                    title={column.hint?.(row)}
                  >
                    {column.cell(row)}
                  </Cell>
                )
              })}
            </tr>
          ))}
          {after > 0 && <Space columns={shown.length} height={after} />}
        </tbody>
        {hasTotals && (
          <tfoot>
            <tr>
              {shown.map((column) => (
                <td key={column.id} className={cellClass(column)}>
                  {column.total}
                </td>
              ))}
            </tr>
          </tfoot>
        )}
      </table>
    </div>
  )
}

/** The room of rows that are not on the screen. */
function Space({ columns, height }: { columns: number; height: number }) {
  return (
    <tr className={classes.space} style={{ height }}>
      <td colSpan={columns} />
    </tr>
  )
}

/** Arrows, Home and End move the focus between rows, also to those that are not drawn yet. */
function moveInTable(
  event: KeyboardEvent<HTMLElement>,
  count: number,
  reveal: (index: number) => void,
) {
  const row = (event.target as HTMLElement).closest<HTMLElement>('[data-row]')
  const at = Number(row?.closest<HTMLElement>('[data-index]')?.dataset.index ?? Number.NaN)
  if (Number.isNaN(at)) return
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: count - 1 }[event.key]
  if (to === undefined) return
  event.preventDefault()
  reveal(Math.min(Math.max(to, 0), count - 1))
}
