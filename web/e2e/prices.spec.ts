import { expect, test, url } from './fixtures'

test('prices are searched as people type, and a row opens all that is known of it', async ({
  page,
}) => {
  await page.goto('/prices')
  const list = page.getByRole('region', { name: 'Price list' })
  await list
    .getByRole('searchbox', { name: 'Find a model or a provider' })
    .fill('openai gpt-4o-mini')
  const row = list.getByRole('row', { name: /^gpt-4o-mini/ }).first()
  await expect(row).toContainText('$0.15')
  await row.getByRole('button', { name: /rows of gpt-4o-mini$/ }).click()
  await expect(page).toHaveURL(/find=.*of=openai/)
  const known = page.getByRole('dialog', { name: 'Prices of gpt-4o-mini' })
  await expect(known.getByRole('cell', { name: 'input tokens', exact: true }).first()).toBeVisible()
  await page.keyboard.press('Escape')
  await row.getByRole('link', { name: 'gpt-4o-mini', exact: true }).click()
  await expect(page).toHaveURL('/model/gpt-4o-mini')
})

test('a press on a head orders the prices, and the address keeps it', async ({ page }) => {
  await page.goto('/prices?find=openai')
  const list = page.getByRole('table', { name: 'Price list' })
  await list.getByRole('button', { name: 'Input', exact: true }).click()
  await expect(page).toHaveURL(/sort=input_tokens/)
  await expect(list.getByRole('columnheader', { name: 'Input', exact: true })).toHaveAttribute(
    'aria-sort',
    'descending',
  )
  const shown = await list.locator('tbody tr td:nth-child(3)').allInnerTexts()
  const costs = shown.slice(0, 5).map((text) => Number(text.replace(/[$,]/g, '')))
  expect(costs).toEqual(costs.toSorted((a, b) => b - a))
})

test('a quote is what the server says', async ({ page }) => {
  await page.goto('/prices')
  const panel = page.getByRole('region', { name: 'What would it cost?' })
  await panel.getByLabel('Provider').fill('openai')
  await panel.getByLabel('Model').fill('gpt-4o-mini')
  await panel.getByLabel('Input tokens', { exact: true }).fill('2000000')
  await panel.getByLabel('Output tokens', { exact: true }).fill('1000000')
  const session = await (await page.request.get(`${url()}/api/v1/session`)).json()
  const response = await page.request.post(`${url()}/api/v1/prices/quote`, {
    headers: { 'x-csrf-token': session.csrf },
    data: {
      provider: 'openai',
      model: 'gpt-4o-mini',
      quantities: { input_tokens: 2_000_000, output_tokens: 1_000_000 },
    },
  })
  const quote = await response.json()
  // 2 M at $0.15 and 1 M at $0.60.
  expect(quote.amount).toBe('0.9')
  await expect(panel.getByText('$0.90', { exact: true })).toBeVisible()
})

test('the link of alerts shows what has no price, and leads on to all prices', async ({ page }) => {
  await page.goto('/prices?view=unpriced')
  const unpriced = page.getByRole('region', { name: 'Used without a price' })
  await expect(unpriced.getByRole('rowheader').first()).toBeVisible()
  await expect(page.getByRole('region', { name: 'Price list' })).toHaveCount(0)
  await page.getByRole('link', { name: 'All prices' }).click()
  await expect(page).toHaveURL('/prices')
  await expect(page.getByRole('region', { name: 'Price list' })).toBeVisible()
})

test('where everything has a price, the list says so', async ({ page }) => {
  await page.route('**/api/v1/prices/unpriced?*', (route) => route.fulfill({ json: { items: [] } }))
  await page.goto('/prices?view=unpriced')
  await expect(page.getByText('Everything that was used has a price')).toBeVisible()
})

test('an admin sets prices for what has none, sees what that changes, and charges it', async ({
  page,
}) => {
  const session = await (await page.request.get(`${url()}/api/v1/session`)).json()
  const headers = { 'x-csrf-token': session.csrf }
  const used = (id: string) => ({
    id: `remedy-${id}`,
    source: 'e2e',
    account: session.account,
    provider: 'acme-remedy',
    model: 'unheard-of-1',
    quantities: { input_tokens: 1_000_000, searches: 2 },
  })
  const kept = await page.request.post(`${url()}/api/v1/events`, {
    headers,
    data: [used('1'), used('2')],
  })
  expect(kept.ok(), await kept.text()).toBe(true)

  await page.goto('/prices?view=unpriced')
  await page.getByRole('button', { name: 'Set prices for unheard-of-1' }).click()
  const drawer = page.getByRole('dialog', { name: 'Set prices' })
  await expect(drawer.getByLabel('Input tokens, $ per 1M')).toHaveValue('')
  await drawer.getByRole('button', { name: 'Look at what changes' }).click()
  await expect(drawer.getByText('Write a price. 0 is free.')).toBeVisible()

  await drawer.getByLabel('Input tokens, $ per 1M').fill('2,5')
  await drawer.getByLabel('Searches, $ each').fill('0.01')
  await drawer.getByRole('button', { name: 'Look at what changes' }).click()
  const changes = drawer.getByRole('region', { name: 'What changes' })
  await expect(changes).toContainText('$5.04')
  await expect(changes).toContainText('2 events of 1 account')
  await expect(changes).toContainText('outlay prices set --provider acme-remedy')
  await changes.getByRole('button', { name: 'Set the prices and charge the usage' }).click()

  await expect(drawer.getByText('The prices are set.')).toBeVisible()
  await drawer.getByRole('button', { name: 'Close', exact: true }).last().click()
  await expect(page.getByRole('button', { name: 'Set prices for unheard-of-1' })).toHaveCount(0)
  const total = await page.request.get(
    `${url()}/api/v1/usage/total?measures=spend,unpriced&provider=acme-remedy`,
  )
  expect((await total.json()).total).toEqual({ spend: '5.04', unpriced: 0 })
})

test('a name finds the model of its maker first', async ({ page }) => {
  await page.goto('/prices')
  const list = page.getByRole('region', { name: 'Price list' })
  await list.getByRole('searchbox', { name: 'Find a model or a provider' }).fill('gpt-4o')
  const first = list.locator('tbody tr').first()
  await expect(first).toContainText('openai')
  await expect(first.getByRole('link').first()).toHaveText('gpt-4o')
})
