import {
  IconBell,
  IconBook2,
  IconBulb,
  IconChartBar,
  IconCoins,
  IconHeartRateMonitor,
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

interface Page {
  path: string
  title: string
  /** What leads here after `g`. */
  key: string
  Icon: typeof IconBell
  /** Whether it shows a period, and can be filtered. */
  hasPeriod: boolean
  /** Whether it can leave the period before out. */
  compares: boolean
  /** The page in the rail that it is a part of. */
  partOf?: string
  /** Whether it is about all accounts, so that members have none of it. */
  isAboutAll?: boolean
}

const plain = { hasPeriod: false, compares: false }
const overTime = { hasPeriod: true, compares: false }

export const PAGES: Page[] = [
  {
    path: '/',
    title: 'Overview',
    key: 'o',
    Icon: IconLayoutDashboard,
    ...overTime,
    compares: true,
  },
  { path: '/explore', title: 'Explore', key: 'e', Icon: IconChartBar, ...overTime, compares: true },
  { path: '/insights', title: 'Insights', key: 'i', Icon: IconBulb, ...overTime },
  { path: '/roi', title: 'ROI', key: 'r', Icon: IconCoins, ...overTime, compares: true },
  { path: '/budgets', title: 'Budgets', key: 'b', Icon: IconWallet, ...plain },
  { path: '/alerts', title: 'Alerts', key: 'a', Icon: IconBell, ...plain, isAboutAll: true },
  { path: '/prices', title: 'Prices', key: 'p', Icon: IconBook2, ...plain },
  { path: '/settings', title: 'Settings', key: 's', Icon: IconSettings, ...plain },
  {
    path: '/system',
    title: 'System health',
    key: 'h',
    Icon: IconHeartRateMonitor,
    ...plain,
    partOf: '/settings',
    isAboutAll: true,
  },
]

/** The frame around every page of somebody signed in. */
export function Shell({ children }: { children: ReactNode }) {
  const client = useQueryClient()
  const [path] = useLocation()
  const [view] = useView()
  const { user, role, scope } = useSession()
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
          {PAGES.filter(({ partOf, isAboutAll }) => !partOf && (scope === null || !isAboutAll)).map(
            ({ path: to, title, Icon }) => (
              <li key={to}>
                <Link
                  href={linkCarrying(to, view)}
                  className={classes.link}
                  aria-current={to === path ? 'page' : to === page?.partOf ? 'true' : undefined}
                >
                  <Icon size={18} stroke={1.7} aria-hidden="true" />
                  <span>{title}</span>
                  {to === '/alerts' && <OpenAlerts />}
                </Link>
              </li>
            ),
          )}
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
