import { IconDownload } from '@tabler/icons-react'
import classes from './CsvLink.module.css'

/** Saves the answer that is shown, with every digit. */
export function CsvLink({ href, name, label }: { href: string; name: string; label: string }) {
  return (
    <a
      className={classes.link}
      href={href}
      download={`${name}.csv`}
      title={label}
      aria-label={label}
    >
      <IconDownload size={15} aria-hidden="true" />
      CSV
    </a>
  )
}
