import { Link } from 'wouter'
import { useSession } from '@/api/session'
import classes from './NoPasswordNote.module.css'

/** Who came in by a link that worked once cannot come in again without a password. */
export function NoPasswordNote() {
  const { has_password } = useSession()
  if (has_password) return null
  return (
    <aside className={classes.note} aria-label="Your password">
      You came in by a link that works once. <Link href="/settings">Set a password</Link> to come
      back.
    </aside>
  )
}
