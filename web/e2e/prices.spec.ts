import { expect, test, url } from './fixtures'

test('prices are searched as people type, and a row opens all that is known of it', async ({
  page,
}) => {
  await page.goto('/prices')
  const list = page.getByRole('region', { name: 'Price list' })
  await list
    .getByRole('searchbox', { name: 'Find a model or a provider' })
    .fill('openai gpt-4o-mini')
  const row = list.getByRole('button', { name: 'gpt-4o-mini', exact: true })
  await expect(row).toBeVisible()
  await expect(list.getByRole('row', { name: /^gpt-4o-mini/ }).first()).toContainText('$0.15')
  await row.click()
  await expect(list.getByRole('cell', { name: 'input tokens', exact: true }).first()).toBeVisible()
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
