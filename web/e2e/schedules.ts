import type { Page } from '@playwright/test'

const DAY_MS = 86_400_000
const TODAY = Math.floor(Date.now() / DAY_MS) * DAY_MS

const at = (daysAgo: number, hour = 0) =>
  new Date(TODAY - daysAgo * DAY_MS + hour * 3_600_000).toISOString()

/** The day that was so long ago, as a period of its own. */
function period(daysAgo: number) {
  const day = at(daysAgo).slice(0, 10)
  const [from, to] = [at(daysAgo), at(daysAgo - 1)]
  return { first_day: day, last_day: day, from, to, due_at: at(daysAgo - 1, 6) }
}

const run = (daysAgo: number, told: object) => ({
  id: `0198c7a2-7b1e-7000-8000-00000000000${daysAgo}`,
  period: period(daysAgo),
  attempts: 1,
  running: false,
  asked_by: null,
  ended_at: at(daysAgo - 1, 6),
  next_try_at: null,
  reason: null,
  file: null,
  state: 'waiting',
  ...told,
})

const file = (daysAgo: number) => ({
  name: `events_${at(daysAgo).slice(0, 10)}.parquet`,
  made_at: at(daysAgo - 1, 6),
  rows: 1_234_567,
  size_bytes: 48_213_004,
  sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
})

const RUNS = [
  run(1, {
    state: 'failed',
    attempts: 3,
    reason: 'the disk has 120.4 MB free, and 512.0 MB of it are left to events; make room',
    next_try_at: at(-1, 7),
  }),
  run(2, { state: 'done', file: file(2), asked_by: 'Ada Lovelace' }),
  run(3, { state: 'done', file: file(3) }),
  run(4, { state: 'removed', reason: 'it was removed by Ada Lovelace' }),
]

const schedule = (id: string, told: object) => ({
  id,
  name: 'Nightly events for the warehouse',
  export: { kind: 'events', format: 'parquet' },
  filters: { provider: ['openai', 'anthropic'] },
  cadence: { every: 'day' },
  hour: 6,
  tz: 'America/Argentina/Buenos_Aires',
  keep: 30,
  enabled: true,
  created_at: at(40),
  created_by: 'Ada Lovelace',
  changed_at: at(40),
  files: 2,
  size_bytes: 96_426_008,
  last: RUNS[0],
  next: period(0),
  ...told,
})

const SCHEDULES = [
  schedule('look', {}),
  schedule('board', {
    name: 'For the board',
    export: { kind: 'report' },
    filters: {},
    cadence: { every: 'month', on: 3 },
    tz: 'UTC',
    enabled: false,
    last: RUNS[1],
    next: null,
  }),
  schedule('finance', {
    name: 'Charges for finance, by the hour',
    export: { kind: 'focus', format: 'csv', granularity: 'hour', version: '1.4' },
    filters: {},
    cadence: { every: 'week', on: 'monday' },
    files: 0,
    size_bytes: 0,
    last: null,
  }),
]

/** Answers with schedules in every state, of which the one that is opened is called `look`. */
export async function scheduling(page: Page) {
  await page.route('**/api/v1/export-schedules', (route) =>
    route.fulfill({ json: { items: SCHEDULES } }),
  )
  await page.route('**/api/v1/export-schedules/*/runs', (route) =>
    route.fulfill({ json: { items: RUNS } }),
  )
}
