import { expect, test, url } from './fixtures'

test('insights show what was, what is to come and what moved spend, as chart and as table', async ({
  page,
}) => {
  await page.goto('/settings')
  const spend = await (await page.request.get(`${url()}/api/v1/insights/spend?days=90`)).json()

  await page.goto('/insights?by=provider')
  await expect(page.getByRole('slider', { name: /^Daily spend with forecast/ })).toBeVisible()
  await expect(page.getByText('loading')).toHaveCount(0)
  await expect(page.locator('canvas')).toBeVisible()

  await page.getByText('Table', { exact: true }).click()
  await expect(page).toHaveURL(/shown=table/)
  const table = page.getByRole('region', { name: 'Daily spend with forecast' })
  const rows = table.getByRole('row')
  expect(await rows.count()).toBeGreaterThan(spend.days.length)

  const drivers = page.getByRole('region', { name: 'What moved spend' })
  await drivers.getByRole('link', { name: 'openai' }).click()
  await expect(page).toHaveURL(/\/explore\?.*provider=openai/)
})
