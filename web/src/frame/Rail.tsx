import { useQueryClient } from '@tanstack/react-query'
import { Link, useLocation } from 'wouter'
import { useSession } from '@/api/session'
import { foresee, navigationFor, type PageEntry, titleFor } from '@/registry'
import { Logo } from '@/ui/Logo'
import { linkCarrying, useView } from '@/view/useView'
import { OpenAlerts } from './OpenAlerts'
import classes from './Rail.module.css'

/** The pages that somebody has, in groups, beside every page. */
export function Rail() {
  const [view] = useView()
  const { user, role } = useSession()
  return (
    <nav className={classes.rail} aria-label="Pages">
      <Link
        href={linkCarrying('/', view)}
        className={classes.brand}
        aria-label="Outlay, to the overview"
      >
        <Logo size={24} />
        <span>Outlay</span>
      </Link>
      <PageGroups />
      <Link href="/settings" className={classes.user} title={`Signed in as ${user.name}, ${role}`}>
        <span className={classes.initial} aria-hidden="true">
          {user.name.charAt(0).toUpperCase()}
        </span>
        <span className={classes.userWords}>
          <span className="truncate">{user.name}</span>
          <span className="muted small">{role}</span>
        </span>
      </Link>
    </nav>
  )
}

/** The groups of the navigation with their pages. */
export function PageGroups({ onFollow }: { onFollow?: () => void }) {
  const session = useSession()
  return (
    <div className={classes.groups}>
      {navigationFor(session).map(({ group, pages }) => (
        <section key={group} className={classes.group}>
          <h2 className={classes.heading}>{group}</h2>
          <ul className={classes.links}>
            {pages.map((page) => (
              <li key={page.path}>
                <PageLink page={page} onFollow={onFollow} />
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  )
}

interface PageLinkProps {
  page: PageEntry
  className?: string
  onFollow?: () => void
}

/** The link to a page, with its sign and, at the alerts, how many wait. */
export function PageLink({ page, className = classes.link, onFollow }: PageLinkProps) {
  const [path] = useLocation()
  const [view] = useView()
  const session = useSession()
  const client = useQueryClient()
  const approach = () => foresee(page, client)
  return (
    <Link
      href={linkCarrying(page.path, view)}
      className={className}
      aria-current={page.path === path ? 'page' : undefined}
      title={titleFor(page, session)}
      onClick={onFollow}
      onPointerEnter={approach}
      onFocus={approach}
    >
      <page.Icon size={18} stroke={1.7} aria-hidden="true" />
      <span>{titleFor(page, session)}</span>
      {page.path === '/alerts' && <OpenAlerts />}
    </Link>
  )
}
