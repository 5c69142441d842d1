import type { ReactNode } from 'react'
import { EditButton } from '@/ui/EditButton'
import type { Column } from './DataTable'
import classes from './DataTable.module.css'

/** Two lines in a cell of a table: what it is, and what is said of it. */
export function TwoLines({ children }: { children: ReactNode }) {
  return <div className={classes.two}>{children}</div>
}

/** What can be done about a row, at its end. */
export function RowActs({ children }: { children: ReactNode }) {
  return <div className={classes.acts}>{children}</div>
}

/** The column at the end of rows that open to be edited. */
export function editColumn<Row extends { id: string; name: string }>(
  edit: (id: string) => void,
): Column<Row> {
  return {
    id: 'acts',
    title: 'Act',
    hidesTitle: true,
    cell: ({ id, name }) => (
      <RowActs>
        <EditButton name={name} edit={() => edit(id)} />
      </RowActs>
    ),
  }
}
