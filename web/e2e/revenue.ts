import type { Page } from '@playwright/test'

const DAY_MS = 86_400_000

const figures = (revenue: number, spend: number, purchases: number) => ({
  spend: spend.toFixed(9),
  revenue: revenue.toFixed(9),
  profit: (revenue - spend).toFixed(9),
  margin: revenue > 0 ? (revenue - spend) / revenue : null,
  roi: spend > 0 ? (revenue - spend) / spend : null,
  purchases,
  spend_per_purchase: purchases > 0 ? (spend / purchases).toFixed(9) : null,
})

const RULES: Record<string, string> = {
  direct: 'only revenue that says whose it is',
  spend: 'what says nothing is shared out by spend',
  even: 'what says nothing is shared out evenly',
}

/** Answers about revenue in the shape of the API, the same whatever the day. */
export async function earning(page: Page, { revenue = 1 } = {}) {
  const asked: URLSearchParams[] = []
  await page.route('**/api/v1/insights/roi?*', (route) => {
    const query = new URL(route.request().url()).searchParams
    asked.push(query)
    const [from, to] = [Date.parse(query.get('from') ?? ''), Date.parse(query.get('to') ?? '')]
    const by = query.get('by') ?? ''
    const rule = query.get('rule') ?? ''
    const days = Math.round((to - from) / DAY_MS)
    const series = Array.from({ length: days }, (_, at) => {
      const { spend, revenue: earned, profit } = figures(revenue * (9 + (at % 7)), 7 + (at % 3), 1)
      const start = new Date(from + at * DAY_MS).toISOString()
      return { start, spend, revenue: earned, profit }
    })
    const shared = rule === 'direct' ? 0 : 60 * revenue
    return route.fulfill({
      json: {
        from: query.get('from'),
        to: query.get('to'),
        tz: query.get('tz'),
        every: query.get('every'),
        rule: { name: rule, text: RULES[rule] },
        currency: 'USD',
        total: figures(360 * revenue, 185.75, 12 * revenue),
        previous: figures(300 * revenue, 156.63, 10 * revenue),
        rows: [
          {
            group: { [by]: 'search' },
            ...figures(240 * revenue + shared, 120.5, 8),
            attributed: { direct: (240 * revenue).toFixed(9), shared: shared.toFixed(9) },
          },
          {
            group: {},
            ...figures(0, 65.25, 0),
            attributed: { direct: '0.000000000', shared: '0.000000000' },
          },
        ],
        series,
        trend: { direction: 'rising', change: 0.12 },
        other_currencies: revenue > 0 ? [{ currency: 'EUR', revenue: '120.000000000' }] : [],
      },
    })
  })
  return asked
}
