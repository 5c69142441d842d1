import type { Session } from '@/wire'
import kept from './answers.json'

/** When all stories take place: what is drawn is the same on any day. */
export const NOW = new Date('2026-11-22T12:00:00Z')

/** Somebody who may do everything. */
export const SESSION = {
  user: { id: 'ada', name: 'Ada Byron' },
  role: 'admin',
  account: 'northwind',
  scope: null,
  via: 'session',
  scopes: null,
  has_password: true,
  currency: 'USD',
  time_zone: 'UTC',
  version: '0.1.0',
  csrf: '',
} as unknown as Session

export const EVENTS = kept.events.items
export const INSIGHT = kept.insight
export const BREAKDOWN = kept.breakdown

/** Money of one's own, and what somebody owes. */
export const BALANCES = {
  USD: { settled: '1300000000.00001', held: '2.5', available: '1299999997.50001' },
  CREDIT: { settled: '-0.000123', held: '0', available: '-0.000123' },
}

const hold = (number: number, told: object) => ({
  hold: `h17-${number}`,
  unit: 'USD',
  amount: '0.00066',
  captured: '0',
  state: 'held',
  created_at: '2026-11-22T11:58:00Z',
  expires_at: '2026-11-22T12:08:00Z',
  ...told,
})

const HOLDS = [
  hold(206, {}),
  hold(205, { state: 'captured', captured: '0.0004' }),
  hold(204, { state: 'expired', amount: '1250' }),
]

/** What the server would say, by the end of the path. */
const ANSWERS: Record<string, unknown> = {
  '/usage/breakdown': kept.breakdown,
  '/usage/total': { ...kept.breakdown, rows: [] },
  '/usage/events': kept.events,
  '/usage/series': { ...kept.breakdown, every: 'day' },
  '/insights/spend': kept.insight,
  '/accounts/northwind/holds': { items: HOLDS, next_cursor: null },
  '/accounts/nobody/holds': { items: [], next_cursor: null },
  '/annotations': { items: [], cut: false },
  '/prices/quote': { amount: '0.0221016', lines: [] },
  '/prices/unpriced': {
    items: [{ provider: 'openai', model: 'gpt-next-preview', service: null, events: 42 }],
    is_cut: false,
  },
}

/** Lets the pages' own client ask nobody: no story needs a server. */
export function answerAll() {
  window.fetch = async (asked) => {
    const { pathname } = new URL(
      asked instanceof Request ? asked.url : String(asked),
      location.href,
    )
    const answer = ANSWERS[pathname.replace('/api/v1', '')]
    const refusal = { status: 404, code: 'not_found', detail: 'no story tells of it' }
    return Response.json(answer ?? refusal, { status: answer ? 200 : 404 })
  }
}
