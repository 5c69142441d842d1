import { Checkbox, Popover } from '@mantine/core'
import { IconColumns3 } from '@tabler/icons-react'
import { chosenColumns, columnsWord, tableCsv } from '@/lib/table'
import { CsvLink } from '@/ui/CsvLink'
import links from '@/ui/CsvLink.module.css'
import { useParam } from '@/view/useParam'
import { type Column, useTableView } from './DataTable'
import classes from './TableActions.module.css'

interface ColumnsButtonProps<Row> {
  columns: Column<Row>[]
  name?: string
}

/** Which columns a table shows; the address keeps the choice. */
export function ColumnsButton<Row>({ columns, name = '' }: ColumnsButtonProps<Row>) {
  const [asked, ask] = useParam(`${name}columns`)
  const shown = chosenColumns(asked, columns).map(({ id }) => id)
  const toggle = (id: string) => {
    const next = shown.includes(id) ? shown.filter((one) => one !== id) : [...shown, id]
    if (next.length > 0) ask(columnsWord(next, columns), { replace: true })
  }
  return (
    <Popover position="bottom-end" trapFocus returnFocus>
      <Popover.Target>
        <button type="button" className={`${links.link} ${classes.button}`}>
          <IconColumns3 size={15} aria-hidden="true" />
          Columns
        </button>
      </Popover.Target>
      <Popover.Dropdown>
        <div className={classes.choices}>
          {columns.map(({ id, title }) => (
            <Checkbox
              key={id}
              size="xs"
              label={title}
              checked={shown.includes(id)}
              onChange={() => toggle(id)}
            />
          ))}
        </div>
      </Popover.Dropdown>
    </Popover>
  )
}

interface TableCsvProps<Row> {
  rows: Row[]
  columns: Column<Row>[]
  name?: string
  file: string
  label: string
}

/** Saves the rows as they are ordered, with the columns that are shown. */
export function TableCsv<Row>({ rows, columns, name, file, label }: TableCsvProps<Row>) {
  const { ordered, shown } = useTableView({ rows, columns, name })
  return <CsvLink name={file} label={label} href={() => tableCsv(ordered, shown)} />
}
