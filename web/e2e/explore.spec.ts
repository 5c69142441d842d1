import { readFile } from 'node:fs/promises'
import { ask, daysAgo, expect, settled, test } from './fixtures'

const DAYS = 'from=2020-01-01&to=2020-01-02'

test('the link holds the whole view', async ({ page }) => {
  await page.goto(
    '/explore?period=7d&measure=tokens&by=team,model&every=day&provider=openai,anthropic&model%5E=gpt',
  )
  await settled(page)
  await expect(page.getByRole('heading', { name: 'Tokens, last 7 days' })).toBeVisible()
  const filters = page.getByRole('list', { name: 'Filters' })
  await expect(filters).toContainText('Provider is openai or anthropic')
  await expect(filters).toContainText('Model begins with gpt')
  await expect(page.getByRole('textbox', { name: 'By, first' })).toHaveValue('Team')
  await expect(page.getByRole('textbox', { name: 'By, second' })).toHaveValue('Model')
  const names = await page
    .getByRole('region', { name: 'Breakdown' })
    .locator('tbody td:nth-child(2)')
    .allInnerTexts()
  expect(names.length).toBeGreaterThan(0)
  for (const name of names) expect(name).toMatch(/^gpt/)
})

test('measure, grouping and filters change the link', async ({ page }) => {
  await page.goto('/explore')
  await settled(page)
  await page
    .getByRole('combobox', { name: 'Measure' })
    .or(page.getByRole('textbox', { name: 'Measure' }))
    .first()
    .click()
  await page.getByRole('option', { name: 'Requests' }).click()
  await expect(page).toHaveURL(/measure=requests/)
  await page.getByRole('button', { name: 'And by' }).click()
  await expect(page).toHaveURL(/by=provider,model/)
  await page.getByRole('button', { name: 'Do not group by provider' }).click()
  await expect(page).toHaveURL(/by=model/)

  await page.getByRole('button', { name: 'Filter', exact: true }).click()
  const form = page.getByRole('dialog', { name: 'Filter' })
  await form.getByPlaceholder('Pick, or type and press Enter').fill('openai')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/provider=openai/)
  await page.keyboard.press('Escape')
  await expect(page.getByRole('list', { name: 'Filters' })).toContainText('Provider is openai')
})

test('the total is the sum of the rows under every grouping', async ({ page }) => {
  await page.goto('/explore?period=7d&by=team,model')
  await settled(page)
  const range = `from=${daysAgo(6)}&to=${daysAgo(-1)}`
  const totals = new Set<string>()
  await expect(async () => {
    totals.clear()
    for (const by of ['provider', 'team,model', 'account,service,status']) {
      const { rows, total } = await ask(
        page,
        `/usage/breakdown?${range}&by=${by}&measures=requests,spend`,
      )
      expect(rows.reduce((sum, row) => sum + row.requests, 0)).toBe(total.requests)
      totals.add(total.spend)
    }
    expect(totals.size).toBe(1)
  }).toPass()
})

test('the CSV has every digit of what is shown', async ({ page }) => {
  await page.goto('/explore?from=2020-01-01&to=2020-01-02')
  await expect(page.getByText('No usage in this period')).toBeVisible()
  const { total } = await ask(page, `/usage/total?${DAYS}&measures=spend`)
  expect(total.spend).toBe('0')

  // Yesterday is over, so that nothing comes in between the page and the file.
  await page.goto('/explore?period=yesterday&by=provider')
  await settled(page)
  const download = page.waitForEvent('download')
  await page.getByRole('link', { name: 'Save the breakdown as CSV' }).click()
  const text = await readFile(await (await download).path(), 'utf8')
  const [head, ...lines] = text.trim().split(/\r?\n/)
  expect(head).toBe('provider,other,spend,requests,tokens,errors,latency_p95_ms,unpriced')
  const { rows } = await ask(
    page,
    `/usage/breakdown?from=${daysAgo(1)}&to=${daysAgo(0)}&by=provider&measures=spend,requests`,
  )
  expect(lines.map((line) => line.split(',').slice(0, 4))).toEqual(
    rows.map((row) => [String(row.provider ?? ''), 'false', row.spend, String(row.requests)]),
  )
})

test('a percentile is drawn as lines, and told as a duration', async ({ page }) => {
  await page.goto('/explore?measure=latency_p95_ms&period=7d')
  await settled(page)
  await expect(page.getByTestId('explore-total')).toContainText(/ms|s/)
})

test('where nothing was used the page says why, and how a new server gets its first event', async ({
  page,
}) => {
  await page.goto('/explore?model=nothing-of-this-name')
  await expect(page.getByText('Pick a longer one, or take a filter away.')).toBeVisible()
  await page.route('**/api/v1/usage/events?*', (route) => route.fulfill({ json: { items: [] } }))
  await page.reload()
  const first = page.getByRole('link', { name: 'How to send the first event' })
  await expect(first).toHaveAttribute('href', '/')
})

test('a heat map of too long a time says so, and leads to one that can be shown', async ({
  page,
}) => {
  const refused: string[] = []
  page.on('response', (response) => {
    if (response.status() >= 400) refused.push(response.url())
  })
  await page.goto('/explore?from=2024-01-01&to=2025-12-31&shown=heat')
  await expect(
    page.getByText('A heat map is of 416 days at most, and this period has 731'),
  ).toBeVisible()
  await page.getByRole('link', { name: 'The last 12 months' }).click()
  await expect(page.getByRole('grid')).toBeVisible()
  expect(refused).toEqual([])
})
