import {
  IconBell,
  IconBook2,
  IconBulb,
  IconChartBar,
  IconLayoutDashboard,
  IconSettings,
  IconWallet,
} from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useEffect } from 'react'
import { Link, useLocation } from 'wouter'
import { useOpenAlerts } from '@/api/alerts'
import { useSession } from '@/api/session'
import { followLive } from '@/live/live'
import { Jump } from './Jump'
import classes from './Shell.module.css'
import { Shortcuts } from './Shortcuts'
import { TopBar } from './TopBar'
import { useShortcuts } from './useShortcuts'
import { linkCarrying, useView } from './useView'

export const PAGES = [
  {
    path: '/',
    title: 'Overview',
    key: 'o',
    Icon: IconLayoutDashboard,
    hasPeriod: true,
    compares: true,
  },
  {
    path: '/explore',
    title: 'Explore',
    key: 'e',
    Icon: IconChartBar,
    hasPeriod: true,
    compares: true,
  },
  {
    path: '/insights',
    title: 'Insights',
    key: 'i',
    Icon: IconBulb,
    hasPeriod: true,
    compares: false,
  },
  {
    path: '/budgets',
    title: 'Budgets',
    key: 'b',
    Icon: IconWallet,
    hasPeriod: false,
    compares: false,
  },
  { path: '/alerts', title: 'Alerts', key: 'a', Icon: IconBell, hasPeriod: false, compares: false },
  {
    path: '/prices',
    title: 'Prices',
    key: 'p',
    Icon: IconBook2,
    hasPeriod: false,
    compares: false,
  },
  {
    path: '/settings',
    title: 'Settings',
    key: 's',
    Icon: IconSettings,
    hasPeriod: false,
    compares: false,
  },
] as const

/** The frame around every page of somebody signed in. */
export function Shell({ children }: { children: ReactNode }) {
  const client = useQueryClient()
  const [path] = useLocation()
  const [view] = useView()
  const { user, role } = useSession()
  const shortcuts = useShortcuts()
  useEffect(() => followLive(client), [client])

  const page = PAGES.find((page) => page.path === path)
  useEffect(() => {
    document.title = page ? `${page.title} · Outlay` : 'Outlay'
  }, [page])

  return (
    <div className={classes.shell}>
      <a className={classes.skip} href="#content">
        Skip to the content
      </a>
      <nav className={classes.rail} aria-label="Pages">
        <Link
          href={linkCarrying('/', view)}
          className={classes.brand}
          aria-label="Outlay, to the overview"
        >
          <img src="/favicon.svg" alt="" width={24} height={24} />
          <span>Outlay</span>
        </Link>
        <ul className={classes.links}>
          {PAGES.map(({ path: to, title, Icon }) => (
            <li key={to}>
              <Link
                href={linkCarrying(to, view)}
                className={classes.link}
                aria-current={to === path ? 'page' : undefined}
              >
                <Icon size={18} stroke={1.7} aria-hidden="true" />
                <span>{title}</span>
                {to === '/alerts' && <OpenAlerts />}
              </Link>
            </li>
          ))}
        </ul>
        <Link
          href="/settings"
          className={classes.user}
          title={`Signed in as ${user.name}, ${role}`}
        >
          <span className={classes.initial} aria-hidden="true">
            {user.name.charAt(0).toUpperCase()}
          </span>
          <span className={classes.userWords}>
            <span className="truncate">{user.name}</span>
            <span className="muted small">{role}</span>
          </span>
        </Link>
      </nav>
      <div className={classes.main}>
        <TopBar
          hasPeriod={page?.hasPeriod ?? false}
          compares={page?.compares ?? false}
          openJump={shortcuts.openJump}
        />
        <main id="content" className={classes.content} tabIndex={-1}>
          {children}
        </main>
      </div>
      <Jump opened={shortcuts.opened === 'jump'} close={shortcuts.close} />
      <Shortcuts opened={shortcuts.opened === 'help'} close={shortcuts.close} />
    </div>
  )
}

/** How many alerts wait for somebody. */
function OpenAlerts() {
  const { data: open } = useOpenAlerts()
  if (!open) return null
  return (
    <em className={classes.badge}>
      {open > BADGE_MAX ? `${BADGE_MAX}+` : open}
      <i className="visually-hidden"> open</i>
    </em>
  )
}

const BADGE_MAX = 99
