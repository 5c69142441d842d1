import { Link, useLocation } from 'wouter'
import { useSession } from '@/api/session'
import classes from './SettingsTabs.module.css'

const TABS = [
  { path: '/settings', title: 'Settings' },
  { path: '/system', title: 'System health' },
]

/** The pages about the server and its people. A member has one of them, and needs no tabs. */
export function SettingsTabs() {
  const { scope } = useSession()
  const [path] = useLocation()
  if (scope !== null) return null
  return (
    <nav className={classes.tabs} aria-label="Settings">
      {TABS.map(({ path: to, title }) => (
        <Link
          key={to}
          href={to}
          className={classes.tab}
          aria-current={to === path ? 'page' : undefined}
        >
          {title}
        </Link>
      ))}
    </nav>
  )
}
