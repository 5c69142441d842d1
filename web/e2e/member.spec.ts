import { expect, still, test, url } from './fixtures'

/** Signed in as the demo's member, who sees northwind only. */
test.use({
  storageState: async ({ browserName }, use) =>
    use(browserName ? process.env.OUTLAY_E2E_MEMBER_STATE : undefined),
})

const OWN = [
  '/',
  '/explore',
  '/events',
  '/insights',
  '/budgets',
  '/alerts',
  '/credits',
  '/roi',
  '/prices',
]
const ALSO = ['/people', '/exports', '/settings', '/model/gpt-4o', '/account/northwind']

test('every page of a member is whole: nothing is refused, greyed or a shell command', async ({
  page,
}) => {
  test.setTimeout(240_000)
  const refused: string[] = []
  page.on('response', (response) => {
    if (response.status() >= 400) refused.push(`${response.status()} ${response.url()}`)
  })
  for (const path of [...OWN, ...ALSO]) {
    await page.goto(path)
    await expect(page.getByRole('region').first()).toBeVisible()
    await expect(page.getByText('loading')).toHaveCount(0)
    await still(page)
    const main = page.getByRole('main')
    await expect(main.getByRole('alert')).toHaveCount(0)
    await expect(main.locator('button:disabled, [aria-disabled="true"]')).toHaveCount(0)
    expect(await main.innerText(), path).not.toMatch(/\b(curl|outlay [a-z]+ [a-z]+|sudo)\b/)
  }
  expect(refused).toEqual([])
})

test("each link of a member's pages leads to a page that they have", async ({ page }) => {
  test.setTimeout(240_000)
  const links = new Set<string>()
  for (const path of OWN) {
    await page.goto(path)
    await expect(page.getByRole('region').first()).toBeVisible()
    const found = await page
      .locator('a[href^="/"]:not([download])')
      .evaluateAll((all) => all.map((one) => new URL((one as HTMLAnchorElement).href).pathname))
    for (const link of found) if (!/^\/(api|model|provider)\b/.test(link)) links.add(link)
  }
  for (const link of links) {
    await page.goto(link)
    await expect(page.getByRole('navigation', { name: 'Pages' })).toBeVisible()
    await expect(page.getByText('There is no such page')).toHaveCount(0)
  }
})

test('a member sees the credit of their own account, and nothing to move it by', async ({
  page,
  browser,
}) => {
  const admins = await browser.newContext({ storageState: process.env.OUTLAY_E2E_STATE })
  const { csrf } = await (await admins.request.get(`${url()}/api/v1/session`)).json()
  await admins.request.post(`${url()}/api/v1/accounts/northwind/grants`, {
    headers: { 'x-csrf-token': csrf },
    data: { id: 'member', amount: '40', unit: 'CREDIT', source: 'bonus' },
  })
  await admins.close()

  await page.goto('/credits')
  await expect(page.getByRole('heading', { level: 1, name: 'My credit' })).toBeVisible()
  await expect(page.getByLabel('Balance in CREDIT')).toContainText('AvailableCREDIT 40.00')
  await expect(page.getByRole('table', { name: 'Grants' })).toContainText('Bonus')
  for (const name of ['Give credit', 'Adjust the balance', 'Refund']) {
    await expect(page.getByRole('button', { name })).toHaveCount(0)
  }
  await page.goto('/account/northwind')
  await expect(page.getByRole('region', { name: 'Credit' })).toContainText('CREDIT 40.00')
  await page.goto('/account/globex')
  await expect(page.getByText('No usage has this name')).toBeVisible()
  await expect(page.getByRole('region', { name: 'Credit' })).toHaveCount(0)
})

test('a member sees what they may still spend, and the alerts about it, and no others', async ({
  page,
}) => {
  await page.goto('/budgets')
  await expect(page.getByRole('heading', { level: 1, name: 'What I may spend' })).toBeVisible()
  await expect(page.getByRole('row', { name: /Northwind/ })).toBeVisible()
  await expect(page.getByText('All AI spend')).toHaveCount(0)
  await expect(page.getByRole('button', { name: 'New budget' })).toHaveCount(0)

  await page.getByRole('link', { name: /^My alerts/ }).click()
  const open = page.getByRole('table', { name: 'Open alerts' })
  await expect(open.getByText(/^Northwind: \d+ % of the budget is spent/)).toBeVisible()
  await expect(page.getByRole('button', { name: 'Resolve' })).toHaveCount(0)
  await expect(page.getByRole('region', { name: 'Rules' })).toHaveCount(0)
  const { items } = await (await page.request.get(`${url()}/api/v1/alerts`)).json()
  for (const { title } of items) expect(title).toMatch(/^Northwind/)
  expect((await page.request.get(`${url()}/api/v1/alert-rules`)).status()).toBe(403)
})
