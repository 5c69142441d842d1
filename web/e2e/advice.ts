import type { Page } from '@playwright/test'

export const CHEAPER = {
  id: 'model-openai-gpt-4o',
  kind: 'cheaper_model',
  priority: 'high',
  title: 'Try gpt-4o-mini where gpt-4o answers',
  description: 'gpt-4o took 12,345 requests; at the same tokens gpt-4o-mini costs 94 % less',
  saving: { monthly: '45.120000000', low: '20.000000000', high: '60.000000000' },
  confidence: 'medium',
  assumption: 'gpt-4o-mini answers well enough',
  scope: { provider: ['openai'], model: ['gpt-4o'] },
  evidence: [
    { label: 'Requests', value: '12,345' },
    { label: 'Spend in 30 days', value: '$96.10' },
  ],
  proof: {
    columns: ['Token class', 'Tokens', 'Now', 'Then'],
    rows: [
      ['Input', '1,200,000', '$3.00', '$0.18'],
      ['Output', '310,000', '$3.10', '$0.19'],
    ],
  },
  link: {
    to: 'usage_of_days',
    first: '2026-10-23',
    last: '2026-11-21',
    scope: { provider: ['openai'], model: ['gpt-4o'] },
  },
  actions: ['Compare the answers on a sample', 'Send what is simple to gpt-4o-mini'],
  state: 'open',
  changed_by: null as string | null,
  changed_at: null as string | null,
  snoozed_until: null as string | null,
  note: null as string | null,
  measured: null as object | null,
}

export const GROWTH = {
  ...CHEAPER,
  id: 'growth-search',
  kind: 'growth',
  priority: 'low',
  title: 'Watch the growth of search',
  description: 'its spend doubled in 30 days',
  saving: null,
  confidence: 'high',
  assumption: null,
  evidence: [],
  proof: { columns: [], rows: [] },
  link: { to: 'usage' },
  actions: [],
}

/** A server that keeps what was decided, as the real one does. */
export async function advising(page: Page) {
  const items = [structuredClone(CHEAPER), structuredClone(GROWTH)]
  const asked: string[] = []
  await page.route('**/api/v1/insights/recommendations?*', (route) => {
    const query = new URL(route.request().url()).searchParams
    asked.push(query.toString())
    const listed = items.filter(({ state }) => state === query.get('state'))
    return route.fulfill({
      json: {
        from: '2026-10-23T00:00:00Z',
        to: '2026-11-22T00:00:00Z',
        tz: 'UTC',
        days: 30,
        spend: '1234.500000000',
        saving: listed.some(({ saving }) => saving)
          ? CHEAPER.saving
          : { monthly: '0.000000000', low: '0.000000000', high: '0.000000000' },
        items: listed,
      },
    })
  })
  await page.route('**/api/v1/insights/recommendations/*', (route) => {
    const id = route.request().url().split('/').at(-1)
    const item = items.find((one) => one.id === id)
    const { state, until, note } = route.request().postDataJSON()
    if (!item) return route.fulfill({ status: 404, json: { code: 'not_found', detail: 'gone' } })
    Object.assign(item, {
      state,
      snoozed_until: until ?? null,
      note: note ?? null,
      changed_by: state === 'open' ? null : 'admin',
      changed_at: state === 'open' ? null : '2026-11-21T05:00:00Z',
    })
    if (state === 'done') {
      item.measured = {
        since: '2026-11-09',
        days: 12,
        expected: '38.4',
        actual: '20.3',
        saved: '18.1',
        low: '15',
        high: '20',
      }
    }
    return route.fulfill({ json: item })
  })
  return asked
}
