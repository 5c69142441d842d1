import { IconDownload } from '@tabler/icons-react'
import type { SyntheticEvent } from 'react'
import { csvDataHref } from '@/lib/csv'
import classes from './CsvLink.module.css'

interface CsvLinkProps {
  /** Where the file is, or what it says: it is written once somebody is about to save it. */
  href: string | (() => string)
  name: string
  label: string
}

/** Saves the answer that is shown, with every digit. */
export function CsvLink({ href, name, label }: CsvLinkProps) {
  const isWritten = typeof href === 'string'
  const write = ({ currentTarget }: SyntheticEvent<HTMLAnchorElement>) => {
    if (!isWritten) currentTarget.href = csvDataHref(href())
  }
  return (
    <a
      className={classes.link}
      href={isWritten ? href : csvDataHref('')}
      download={`${name}.csv`}
      onClick={write}
      onContextMenu={write}
      title={label}
      aria-label={label}
    >
      <IconDownload size={15} aria-hidden="true" />
      CSV
    </a>
  )
}
