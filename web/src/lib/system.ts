import type { CheckStatus, System, Task } from '@/wire'

export const STATUS_WORDS: Record<System['status'], string> = {
  ok: 'All is well',
  degraded: 'Something needs a look',
  failing: 'Something does not work',
}

export const CHECK_STATUS_WORDS: Record<CheckStatus, string> = {
  ok: 'Good',
  warning: 'Needs a look',
  failing: 'Does not work',
}

const CHECK_NAMES: Record<string, string> = {
  writes: 'Data folder',
  tasks: 'Background work',
  clock: 'Clock',
  disk: 'Disk',
  commits: 'Commits',
  queue: 'Queue',
  prices: 'Prices',
  alerts: 'Alert rules',
}

/** What a check is called; a newer server may have others. */
export function checkName(name: string): string {
  return CHECK_NAMES[name] ?? name.charAt(0).toUpperCase() + name.slice(1).replaceAll('_', ' ')
}

const WORST_FIRST: CheckStatus[] = ['failing', 'warning', 'ok']

/** The worst checks first, in the server's order among equals. */
export function worstFirst(checks: System['checks']): System['checks'] {
  const rank = ({ status }: System['checks'][number]) => WORST_FIRST.indexOf(status)
  return checks.toSorted((a, b) => rank(a) - rank(b))
}

/** Where what is wrong can be seen to. */
export function remedyPath({ name, status }: System['checks'][number]): string | null {
  if (status === 'ok') return null
  if (name === 'alerts') return '/budgets'
  return name === 'prices' ? '/prices?view=unpriced' : null
}

const TASK_NAMES: Record<string, string> = {
  commits: 'Writing what comes in',
  flush: 'Writing the history',
  keys: 'Keeping event keys',
  writes: 'Looking after the data folder',
  tidy: 'Tidying the history',
  alerts: 'Judging alert rules',
  counters: 'Counting hard budgets',
  ledger: 'Ending holds and expired credit',
  subscriptions: 'Beginning the months of subscriptions',
  exports: 'Making files by schedules',
  people: 'Tidying sessions and keys',
  'live.people': 'Live updates: who may hear',
  'live.alerts': 'Live updates: alerts',
  'live.usage': 'Live updates: usage',
  'live.watched': 'Live updates: budgets and rules',
  'live.views': 'Live updates: views',
  'live.annotations': 'Live updates: notes',
  'live.exports': 'Live updates: exports',
  'live.leadfactory': 'Live updates: LeadFactory',
  'followers.leadfactory': 'Following LeadFactory’s databases',
  'doors.http': 'Answering over HTTP',
  'doors.socket': 'Answering the command line',
  'doors.leadfactory': 'Answering LeadFactory’s clients',
  'doors.leadfactory.breakdown': 'Answering LeadFactory’s breakdowns',
  demo: 'Demo usage',
}

/** What a task does; a newer server may have others. */
export function taskName(name: string): string {
  return TASK_NAMES[name] ?? name
}

/** How a task does, in the words and colours of checks. */
export function taskStatus({ state, panics_total }: Task): { status: CheckStatus; words: string } {
  if (state === 'down') return { status: 'failing', words: 'Crashed, is started again' }
  if (state === 'failing') return { status: 'failing', words: 'Failed, is tried again' }
  if (state === 'ended') return { status: 'ok', words: 'Done' }
  if (panics_total === 0) return { status: 'ok', words: 'Works' }
  const times = panics_total === 1 ? 'once' : `${panics_total} times`
  return { status: 'warning', words: `Works again, crashed ${times}` }
}

/** How long something runs: `under a minute`, `42 min`, `3 h 5 min`, `12 d 4 h`. */
export function uptimeWords(seconds: number): string {
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  const days = Math.floor(hours / 24)
  if (minutes < 1) return 'under a minute'
  if (hours < 1) return `${minutes} min`
  if (days < 1) return `${hours} h ${minutes % 60} min`
  return `${days} d ${hours % 24} h`
}

/** The part of a whole in percent, for a bar; nothing where there is no whole. */
export function filled(part: number, whole: number): number {
  return whole > 0 ? Math.min(100, Math.max(0, (part / whole) * 100)) : 0
}
