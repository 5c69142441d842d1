import { IconArrowDown, IconArrowUp } from '@tabler/icons-react'
import { type ColumnFacts, pressedSort, type Sort, sortWord } from '@/lib/table'
import table from '@/ui/table.module.css'

interface SortHeadProps<Row> {
  column: ColumnFacts<Row>
  sort: Sort | null
  /** A row, which tells figures from words. */
  sample: Row | undefined
  className: string
  onSort: (next: string) => void
}

/** The head of a column; pressed, it orders the table. */
export function SortHead<Row>({ column, sort, sample, className, onSort }: SortHeadProps<Row>) {
  const word = sortWord(column, sort, sample)
  return (
    <th scope="col" className={className} aria-sort={word}>
      {column.order ? (
        <button
          type="button"
          className={table.sort}
          onClick={() => onSort(pressedSort(sort, column.id))}
        >
          {column.title}
          {word === 'descending' && <IconArrowDown size={13} aria-hidden="true" />}
          {word === 'ascending' && <IconArrowUp size={13} aria-hidden="true" />}
        </button>
      ) : column.hidesTitle ? (
        <span className="visually-hidden">{column.title}</span>
      ) : (
        column.title
      )}
    </th>
  )
}
