import { expect, test, url } from './fixtures'

test('the system shows what is looked at and what the server takes', async ({ page }) => {
  await page.goto('/settings')
  await page
    .getByRole('navigation', { name: 'Pages' })
    .getByRole('link', { name: 'System' })
    .click()
  await expect(page).toHaveURL('/system')
  await expect(page).toHaveTitle('System · Outlay')
  const system = await (await page.request.get(`${url()}/api/v1/system`)).json()

  const checks = page.getByRole('list', { name: 'Checks' }).getByRole('listitem')
  await expect(checks).toHaveCount(system.checks.length)
  await expect(checks.filter({ hasText: 'Data folder' })).toContainText('Good')
  const history = page.getByRole('region', { name: 'History' })
  // Whatever works in the background is called by what it does, and not by its name in the program.
  const works = page.getByRole('region', { name: 'In the background' }).getByRole('listitem')
  await expect(works).toHaveCount(system.tasks.length)
  for (const { name } of system.tasks)
    await expect(works.getByText(name, { exact: true })).toHaveCount(0)
  await expect(history.locator('dd[title]').first()).toHaveAttribute('title', /^\d+,\d{3}$/)
})

test('usage without a price leads to the list of it', async ({ page }) => {
  await page.goto('/system')
  const prices = page
    .getByRole('list', { name: 'Checks' })
    .getByRole('listitem')
    .filter({ hasText: 'Prices' })
  await expect(prices).toContainText(/Needs a look.*events have no price/)
  await prices.getByRole('link', { name: 'See to it' }).click()
  await expect(page).toHaveURL('/prices?view=unpriced')
  await expect(page.getByRole('region', { name: 'Used without a price' })).toBeVisible()
})

test('it looks again by itself, and says so when the server does not answer', async ({
  page,
  complaints,
}) => {
  const system = await (await page.request.get(`${url()}/api/v1/system`)).json()
  const failing = {
    ...system,
    status: 'failing',
    checks: [
      ...system.checks,
      { name: 'writes', status: 'failing', text: 'the data folder takes no writes' },
    ].filter(({ name, status }) => name !== 'writes' || status === 'failing'),
  }
  await page.goto('/system')
  await expect(page.getByRole('list', { name: 'Checks' })).toBeVisible()

  await page.route('**/api/v1/system', (route) => route.fulfill({ json: failing }))
  const checks = page.getByRole('list', { name: 'Checks' }).getByRole('listitem')
  await expect(checks.first()).toContainText('Does not work')
  await expect(checks.first()).toContainText('The data folder takes no writes.')
  await expect(page.getByText('Something does not work')).toBeVisible()

  const fault = { status: 403, code: 'forbidden', detail: 'this is not for you' }
  await page.route('**/api/v1/system', (route) => route.fulfill({ status: 403, json: fault }))
  await expect(page.getByRole('alert')).toContainText(
    /The figures are of \d\d:\d\d:\d\d UTC: This is not for you\./,
  )
  complaints.splice(0)
})
