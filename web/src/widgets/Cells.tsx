import type { ReactNode } from 'react'
import classes from './DataTable.module.css'

/** Two lines in a cell of a table: what it is, and what is said of it. */
export function TwoLines({ children }: { children: ReactNode }) {
  return <div className={classes.two}>{children}</div>
}

/** What can be done about a row, at its end. */
export function RowActs({ children }: { children: ReactNode }) {
  return <div className={classes.acts}>{children}</div>
}
