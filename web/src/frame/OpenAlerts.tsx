import { useOpenAlerts } from '@/api/alerts'
import classes from './OpenAlerts.module.css'

const COUNTED_MAX = 99

/** How many alerts wait for somebody. */
export function OpenAlerts() {
  const { data: open } = useOpenAlerts()
  if (!open) return null
  return (
    <em className={classes.badge}>
      {open > COUNTED_MAX ? `${COUNTED_MAX}+` : open}
      <i className="visually-hidden"> open</i>
    </em>
  )
}
