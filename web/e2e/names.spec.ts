import { ask, exactFigure, exactly, expect, lastDays, settled, test } from './fixtures'

test('a name in a table leads to its page, whose figures are those of the API', async ({
  page,
}) => {
  await page.goto('/')
  await settled(page)
  await page
    .getByRole('region', { name: 'By provider' })
    .getByRole('link', { name: 'anthropic' })
    .click()
  await expect(page).toHaveURL('/provider/anthropic')
  await expect(page).toHaveTitle('anthropic · Outlay')
  await expect(async () => {
    const { total } = await ask(
      page,
      `/usage/total?${lastDays(30)}&provider=anthropic&measures=spend`,
    )
    expect(await exactFigure(page, 'name-spend')).toBe(exactly(total.spend))
  }).toPass()
  await expect(page.getByRole('slider', { name: /^Daily spend with forecast/ })).toBeVisible()

  await page.getByRole('table', { name: 'By model' }).getByRole('link').first().click()
  await expect(page).toHaveURL(/\/model\/claude/)
  await expect(page.getByRole('table', { name: 'By account' })).toBeVisible()
})

test('a name that has marks of its own is the one that was sent', async ({ page }) => {
  await page.goto('/team/100%25%20%22a%2Fb%22%3F')
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('100% "a/b"?')
  await page.getByRole('button', { name: 'Compare' }).click()
  await expect(page).toHaveURL('/team/100%25%20%22a%2Fb%22%3F?compare=off')
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('100% "a/b"?')
})

test('a name that nothing was used by says so, leads on, and is a page like any other once it is used', async ({
  page,
}) => {
  const name = `gpt-typo-${Date.now()}`
  await page.goto(`/model/${name}`)
  const main = page.getByRole('main')
  await expect(main.getByText('No usage has this name')).toBeVisible()
  await expect(main.getByRole('region', { name: 'Figures' })).toHaveCount(0)
  await expect(main.getByRole('link', { name: 'Keep as view' })).toHaveCount(0)
  await expect(page.getByText('Live', { exact: true })).toBeVisible()

  const { csrf } = await (await page.request.get('/api/v1/session')).json()
  const event = { id: name, source: 'names', account: 'names', provider: 'openai', model: name }
  await page.request.post('/api/v1/events', {
    headers: { 'x-csrf-token': csrf },
    data: { ...event, quantities: { requests: 1 } },
  })
  await expect(main.getByRole('region', { name: 'Figures' })).toBeVisible()

  await page.goto(`/model/${name}-again`)
  await main.getByRole('link', { name: 'Every model that was used' }).click()
  await expect(
    page.getByRole('table').getByRole('link', { name: 'gpt-4o', exact: true }),
  ).toBeVisible()
})

test('a budget that is begun on the page of a name is about it', async ({ page }) => {
  await page.goto('/model/gpt-4o')
  await page.getByRole('link', { name: 'New budget' }).click()
  const form = page.getByRole('dialog', { name: 'New budget' })
  await expect(form.getByRole('list', { name: 'Filters' })).toContainText('Model is gpt-4o')
})

test('a part of a bar drills down, and Escape comes back', async ({ page }) => {
  await page.goto('/explore?period=7d&by=provider')
  await settled(page)
  const box = await page.getByRole('slider').boundingBox()
  if (!box) throw new Error('the chart has no place')
  // The foot of a bar in the middle is the largest provider's.
  await page.mouse.click(box.x + box.width * 0.53, box.y + box.height - 34)
  await expect(page).toHaveURL(/from=.*provider=/)
  await page.keyboard.press('Escape')
  await expect(page).not.toHaveURL(/from=|provider=[a-z]/)
})

test('an entry of the legend toggles its series, and pressed twice it stands alone', async ({
  page,
}) => {
  await page.goto('/explore?period=7d&by=provider')
  await settled(page)
  const entries = page.getByRole('list', { name: 'Series' }).getByRole('button')
  await entries.first().click()
  await expect(entries.first()).toHaveAttribute('aria-pressed', 'false')
  await expect(entries.nth(1)).toHaveAttribute('aria-pressed', 'true')
  await entries.first().click()
  await expect(entries.first()).toHaveAttribute('aria-pressed', 'true')
  await entries.nth(1).dblclick()
  await expect(entries.nth(1)).toHaveAttribute('aria-pressed', 'true')
  await expect(entries.first()).toHaveAttribute('aria-pressed', 'false')
})

test('the columns of a table are chosen and stay in the link', async ({ page }) => {
  await page.goto('/explore?by=model')
  await settled(page)
  await page.getByRole('button', { name: 'Columns' }).click()
  await page.getByRole('checkbox', { name: 'Output tokens' }).check()
  await expect(page).toHaveURL(/columns=.*output_tokens/)
  await expect(page.getByRole('columnheader', { name: 'Output tokens' })).toBeVisible()
})
