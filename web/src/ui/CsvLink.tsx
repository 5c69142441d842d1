import { IconDownload } from '@tabler/icons-react'
import { type Cell, csv } from '@/lib/csv'
import classes from './CsvLink.module.css'

interface CsvLinkProps {
  name: string
  /** Made when asked for, not on each change of what is shown. */
  rows: () => { head: string[]; rows: Cell[][] }
  label: string
}

/** Saves what is shown, with every digit. */
export function CsvLink({ name, rows, label }: CsvLinkProps) {
  const save = () => {
    const { head, rows: cells } = rows()
    const url = URL.createObjectURL(new Blob([csv(head, cells)], { type: 'text/csv' }))
    const link = document.createElement('a')
    link.href = url
    link.download = `${name}.csv`
    link.click()
    setTimeout(() => URL.revokeObjectURL(url), 10_000)
  }
  return (
    <button type="button" className={classes.link} onClick={save} title={label} aria-label={label}>
      <IconDownload size={15} aria-hidden="true" />
      CSV
    </button>
  )
}
