import { useSession } from '@/api/session'
import classes from '@/ui/form.module.css'
import { KeysPanel } from './KeysPanel'
import { UsersPanel } from './UsersPanel'

/** Who signs in, and what programs come in with. Members have their own keys, admins everybody's. */
export default function People() {
  const { role } = useSession()
  return (
    <div className={classes.page}>
      <KeysPanel />
      {role === 'admin' && <UsersPanel />}
    </div>
  )
}
