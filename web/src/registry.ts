import {
  IconBell,
  IconBook2,
  IconBookmark,
  IconBulb,
  IconChartBar,
  IconCoins,
  IconCreditCard,
  IconFileExport,
  IconFileImport,
  IconHeartRateMonitor,
  IconHistory,
  IconLayoutDashboard,
  IconList,
  IconSettings,
  IconTag,
  IconTerminal2,
  IconUsers,
  IconWallet,
} from '@tabler/icons-react'
import type { QueryClient } from '@tanstack/react-query'
import type { ComponentType } from 'react'
import { alertsQuery } from './api/alerts'
import { budgetsQuery } from './api/budgets'
import { savedViewsQuery } from './api/views'
import { Overview } from './pages/overview/Overview'
import { lazyPart } from './ui/lazyPart'
import type { Session } from './wire'

/** The parts of the navigation, in their order. */
export const GROUPS = ['Spend', 'Control', 'Billing', 'Sources', 'Admin'] as const

export type Group = (typeof GROUPS)[number]

/** What a page asks of whoever looks: nobody is led to one that would refuse them. */
export type Audience =
  | 'everyone'
  /** Who sees all accounts: the page is about all of them. */
  | 'those who see all'
  /** Who may have keys. */
  | 'those who write'
  | 'admins'

/** A page: the navigation, the palette, the keys and the routes are made from this alone. */
export interface PageEntry {
  path: string
  title: string
  /** What it is called for somebody who sees their own account only. */
  ownTitle?: string
  /** Where it stands in the navigation; a page that stands nowhere is led to by others. */
  group?: Group
  /** What leads here after `g`. */
  key?: string
  Icon: typeof IconBell
  audience: Audience
  /** Whether it shows a period and can be filtered. */
  hasPeriod?: boolean
  /** Whether it is about one account at a time, and has no period. */
  hasScope?: boolean
  /** Whether it can leave the period before out. */
  compares?: boolean
  /** Whether it has a place in the bar of a phone. */
  isOnPhone?: boolean
  /** Whether the page writes its own title, because it is about one thing. */
  hasOwnTitle?: boolean
  /** What draws it; where its script is not with the first one, that can be loaded beforehand. */
  Page: ComponentType & { load?: () => void }
  /** Asks for what it shows first, where that is one question that costs little. */
  ask?: (client: QueryClient) => void
}

/** Has what a page needs on its way while somebody is about to open it. */
export function foresee({ Page, ask }: PageEntry, client: QueryClient) {
  Page.load?.()
  ask?.(client)
}

export const PAGES: PageEntry[] = [
  {
    path: '/',
    title: 'Overview',
    ownTitle: 'My usage',
    group: 'Spend',
    key: 'o',
    Icon: IconLayoutDashboard,
    audience: 'everyone',
    hasPeriod: true,
    compares: true,
    isOnPhone: true,
    Page: Overview,
  },
  {
    path: '/explore',
    title: 'Explore',
    group: 'Spend',
    key: 'e',
    Icon: IconChartBar,
    audience: 'everyone',
    hasPeriod: true,
    compares: true,
    isOnPhone: true,
    Page: lazyPart(() => import('./pages/explore/Explore')),
  },
  {
    path: '/views',
    title: 'Views',
    group: 'Spend',
    key: 'w',
    Icon: IconBookmark,
    audience: 'everyone',
    Page: lazyPart(() => import('./pages/views/Views')),
    ask: (client) => client.prefetchQuery(savedViewsQuery),
  },
  {
    path: '/events',
    title: 'Events',
    group: 'Spend',
    key: 'v',
    Icon: IconList,
    audience: 'everyone',
    hasPeriod: true,
    Page: lazyPart(() => import('./pages/events/Events')),
  },
  {
    path: '/insights',
    title: 'Insights',
    group: 'Spend',
    key: 'i',
    Icon: IconBulb,
    audience: 'everyone',
    hasPeriod: true,
    Page: lazyPart(() => import('./pages/insights/Insights')),
  },
  {
    path: '/budgets',
    title: 'Budgets',
    ownTitle: 'What I may spend',
    group: 'Control',
    key: 'b',
    Icon: IconWallet,
    audience: 'everyone',
    isOnPhone: true,
    Page: lazyPart(() => import('./pages/budgets/Budgets')),
    ask: (client) => client.prefetchQuery(budgetsQuery),
  },
  {
    path: '/alerts',
    title: 'Alerts',
    ownTitle: 'My alerts',
    group: 'Control',
    key: 'a',
    Icon: IconBell,
    audience: 'everyone',
    isOnPhone: true,
    Page: lazyPart(() => import('./pages/alerts/Alerts')),
    ask: (client) => client.prefetchInfiniteQuery(alertsQuery('open')),
  },
  {
    path: '/credits',
    title: 'Credits',
    ownTitle: 'My credit',
    group: 'Billing',
    key: 'c',
    Icon: IconCreditCard,
    audience: 'everyone',
    hasScope: true,
    Page: lazyPart(() => import('./pages/credits/Credits')),
  },
  {
    path: '/roi',
    title: 'Revenue & ROI',
    group: 'Billing',
    key: 'r',
    Icon: IconCoins,
    audience: 'everyone',
    hasPeriod: true,
    compares: true,
    Page: lazyPart(() => import('./pages/roi/Roi')),
  },
  {
    path: '/prices',
    title: 'Prices',
    group: 'Sources',
    key: 'p',
    Icon: IconBook2,
    audience: 'everyone',
    Page: lazyPart(() => import('./pages/prices/Prices')),
  },
  {
    path: '/imports',
    title: 'Imports',
    group: 'Sources',
    key: 'm',
    Icon: IconFileImport,
    audience: 'admins',
    Page: lazyPart(() => import('./pages/imports/Imports')),
  },
  {
    path: '/people',
    title: 'People & keys',
    ownTitle: 'My keys',
    group: 'Admin',
    key: 'k',
    Icon: IconUsers,
    audience: 'those who write',
    Page: lazyPart(() => import('./pages/people/People')),
  },
  {
    path: '/exports',
    title: 'Exports & reports',
    group: 'Admin',
    key: 'x',
    Icon: IconFileExport,
    audience: 'everyone',
    hasPeriod: true,
    Page: lazyPart(() => import('./pages/exports/Exports')),
  },
  {
    path: '/sql',
    title: 'SQL',
    group: 'Admin',
    key: 'q',
    Icon: IconTerminal2,
    audience: 'admins',
    Page: lazyPart(() => import('./pages/sql/Sql')),
  },
  {
    path: '/audit',
    title: 'Audit',
    group: 'Admin',
    key: 'u',
    Icon: IconHistory,
    audience: 'admins',
    Page: lazyPart(() => import('./pages/audit/Audit')),
  },
  {
    path: '/system',
    title: 'System',
    group: 'Admin',
    key: 'h',
    Icon: IconHeartRateMonitor,
    audience: 'those who see all',
    Page: lazyPart(() => import('./pages/system/SystemHealth')),
  },
  {
    path: '/settings',
    title: 'Settings',
    group: 'Admin',
    key: 's',
    Icon: IconSettings,
    audience: 'everyone',
    Page: lazyPart(() => import('./pages/settings/Settings')),
  },
  {
    path: '/views/:id',
    title: 'View',
    Icon: IconBookmark,
    audience: 'everyone',
    hasOwnTitle: true,
    Page: lazyPart(() => import('./pages/views/ViewLink')),
  },
  {
    path: '/budget/:id',
    title: 'Budget',
    Icon: IconWallet,
    audience: 'everyone',
    hasOwnTitle: true,
    Page: lazyPart(() => import('./pages/budgets/BudgetPage')),
  },
  // Behind all others: whatever has two parts may be a name.
  {
    path: '/:attribute/:name',
    title: 'Name',
    Icon: IconTag,
    audience: 'everyone',
    hasPeriod: true,
    compares: true,
    hasOwnTitle: true,
    Page: lazyPart(() => import('./pages/name/NamePage')),
  },
]

type Viewer = Pick<Session, 'role' | 'scope'>

const ADMITS: Record<Audience, (viewer: Viewer) => boolean> = {
  everyone: () => true,
  'those who see all': ({ scope }) => scope === null,
  'those who write': ({ role }) => role !== 'viewer',
  admins: ({ role }) => role === 'admin',
}

/** The pages that somebody has, in order. */
export function pagesFor(viewer: Viewer): PageEntry[] {
  return PAGES.filter(({ audience }) => ADMITS[audience](viewer))
}

/** The navigation of somebody: groups with the pages that they have, none of them empty. */
export function navigationFor(viewer: Viewer): { group: Group; pages: PageEntry[] }[] {
  const pages = pagesFor(viewer)
  return GROUPS.map((group) => ({
    group,
    pages: pages.filter((page) => page.group === group),
  })).filter(({ pages }) => pages.length > 0)
}

/** What a page is called for somebody. */
export function titleFor(page: PageEntry, { scope }: Pick<Session, 'scope'>): string {
  return scope === null ? page.title : (page.ownTitle ?? page.title)
}

/** The page at a path of the address, if somebody has it. */
export function pageAt(path: string, viewer: Viewer): PageEntry | undefined {
  return pagesFor(viewer).find((page) => matches(page.path, path))
}

/** Whether a path fits a pattern such as `/model/:name`. */
function matches(pattern: string, path: string): boolean {
  const [asked, given] = [pattern.split('/'), path.split('/')]
  return (
    asked.length === given.length &&
    asked.every((part, at) => (part.startsWith(':') ? given[at] !== '' : part === given[at]))
  )
}
