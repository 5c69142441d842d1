import type { Page } from '@playwright/test'
import { advising } from './advice'
import { ask, daysAgo, expect, settled, test, url } from './fixtures'

const chartOf = (page: Page) => page.getByRole('slider', { name: /^Daily spend with forecast/ })

// What to do is tested by itself.
test.beforeEach(({ page }) => advising(page))

test('insights show what was and what is to come, as chart and as table', async ({ page }) => {
  await page.goto('/insights')
  await settled(page)
  const { days, forecast, anomalies } = await (
    await page.request.get(`${url()}/api/v1/insights/spend?days=90&horizon=30&tz=UTC`)
  ).json()
  expect(anomalies.length, 'the demo has an unusual day').toBeGreaterThan(0)

  const chart = chartOf(page)
  await expect(chart).toHaveAttribute('aria-label', new RegExp(`${anomalies.length} unusual day`))
  await chart.focus()
  await page.keyboard.press('Home')
  await expect(chart).toHaveAttribute('aria-valuetext', /Spend \$.*Level \$/)
  await page.keyboard.press('End')
  await expect(chart).toHaveAttribute('aria-valuetext', /Forecast \$.*95 % range \$/)

  await page.getByRole('radiogroup', { name: 'Show as' }).getByText('Table').locator('..').click()
  await expect(page).toHaveURL(/shown=table/)
  const rows = page.getByRole('region', { name: 'Daily spend with forecast' }).getByRole('row')
  // Today is a day that was and a day to come.
  const both = forecast.days.filter((ahead: { date: string }) =>
    days.some((past: { date: string }) => past.date === ahead.date),
  )
  await expect(rows).toHaveCount(1 + days.length + forecast.days.length - both.length)
})

test('a finding leads to the usage of its day', async ({ page }) => {
  await page.goto('/insights')
  const finding = page.getByRole('list', { name: 'Findings' }).getByRole('listitem').first()
  await expect(finding).toContainText(/Unusually high.*instead of/)
  await finding.getByRole('link').click()
  await expect(page).toHaveURL(/\/explore\?from=(\d{4}-\d\d-\d\d)&to=\1/)
})

test('the drivers sum to the change, follow the grouping and lead to the usage', async ({
  page,
}) => {
  await page.goto('/insights?period=7d&by=provider')
  const drivers = page.getByRole('region', { name: 'What moved spend' })
  await expect(drivers.getByRole('rowheader', { name: 'openai' })).toBeVisible()
  await expect(drivers.getByRole('row').nth(1)).toContainText('Before')
  await expect(drivers.getByRole('row').last()).toContainText('Now')

  await drivers.getByRole('button', { name: 'And by' }).click()
  await expect(page).toHaveURL(/by=provider,model/)
  const link = drivers.getByRole('link', { name: /^openai, / }).first()
  const [provider, model] = (await link.innerText()).split(', ')
  await link.click()
  await expect(page).toHaveURL(/\/explore\?period=7d&/)
  const filters = page.getByRole('list', { name: 'Filters' })
  await expect(filters).toContainText(`Provider is ${provider}`)
  await expect(filters).toContainText(`Model is ${model}`)
})

test('a filter narrows the analysis', async ({ page }) => {
  await page.goto('/insights?provider=anthropic')
  await expect(chartOf(page)).toBeVisible()
  const { total } = await ask(
    page,
    `/usage/total?from=${daysAgo(89)}&to=${daysAgo(-1)}&provider=anthropic&measures=spend`,
  )
  expect(Number(total.spend)).toBeGreaterThan(0)
  await expect(page.getByRole('list', { name: 'Filters' })).toContainText('Provider is anthropic')
  const drivers = page.getByRole('region', { name: 'What moved spend' })
  await expect(drivers.getByRole('rowheader', { name: 'anthropic' })).toBeVisible()
  await expect(drivers.getByRole('rowheader', { name: 'openai' })).toHaveCount(0)
})
