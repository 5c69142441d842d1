import { daysAgo, expect, settled, test, url } from './fixtures'

interface Budget {
  name: string
  scope: Record<string, string[]>
  status: { percent: number }
}

test('the demo has two budgets, one of them nearly spent, and an alert that says so', async ({
  page,
}) => {
  const { items } = await (await page.request.get(`${url()}/api/v1/budgets`)).json()
  const budgets: Budget[] = items.filter(({ id }: { id: string }) => id.startsWith('demo-'))
  expect(budgets.map(({ name }) => name).sort()).toEqual(['All AI spend', 'Northwind'])
  const tight = budgets.find(({ name }) => name === 'Northwind')
  expect(tight?.status.percent).toBeGreaterThan(80)
  expect(tight?.status.percent).toBeLessThan(100)

  await page.goto('/alerts')
  const open = page.getByRole('table', { name: 'Open alerts' })
  await expect(open.getByText(/^Northwind: \d+ % of the budget is spent/)).toBeVisible()
})

test('the demo has a new level of spend, which Insights shows', async ({ page }) => {
  const from = daysAgo(89)
  const asked = await page.request.get(`${url()}/api/v1/insights/spend?days=90&tz=UTC`)
  const { changes } = await asked.json()
  const rises = changes.filter(
    ({ date, before, after }: { date: string; before: number; after: number }) =>
      date > from && after > before,
  )
  expect(rises).toHaveLength(1)

  await page.goto('/insights?period=90d')
  await settled(page)
  await expect(page.getByText(/▲ \$.* a day/)).toBeVisible()
})
