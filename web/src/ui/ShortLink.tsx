import type { AnchorHTMLAttributes } from 'react'
import classes from './CsvLink.module.css'

/** A link among the actions of a panel. */
export function ShortLink(props: AnchorHTMLAttributes<HTMLAnchorElement>) {
  return <a className={classes.link} {...props} />
}
