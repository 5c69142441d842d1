import { expect, settled, test } from './fixtures'

test('pages are a chord away, and search is one key', async ({ page }) => {
  await page.goto('/')
  await settled(page)
  for (const [key, title] of [
    ['e', 'Explore'],
    ['p', 'Prices'],
    ['s', 'Settings'],
    ['o', 'Overview'],
  ] as const) {
    await page.keyboard.press('g')
    await page.keyboard.press(key)
    await expect(page).toHaveTitle(`${title} · Outlay`)
  }

  await page.keyboard.press('/')
  const field = page.getByRole('combobox', { name: 'Search and act' })
  await expect(field).toBeFocused()
  await page.keyboard.type('anthropic provider')
  await expect(page.getByRole('option', { name: /anthropic/ }).first()).toHaveAttribute(
    'aria-selected',
    'true',
  )
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL('/provider/anthropic')
  await expect(page.getByRole('heading', { level: 1, name: 'anthropic' })).toBeVisible()

  await page.keyboard.press('/')
  await page.keyboard.type('new budget')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('dialog', { name: 'New budget' })).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('dialog')).toHaveCount(0)

  // The field has the focus within the very task of the key, so that nothing typed after it is lost.
  const focused = await page.evaluate(async () => {
    const key = new KeyboardEvent('keydown', { key: '/', bubbles: true, cancelable: true })
    document.body.dispatchEvent(key)
    await Promise.resolve()
    return document.activeElement?.getAttribute('role')
  })
  expect(focused).toBe('combobox')
  await page.keyboard.type('price gpt-next')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('dialog', { name: 'Set prices' })).toContainText('gpt-next')
  await page.keyboard.press('Escape')
  await expect(page.getByRole('dialog')).toHaveCount(0)

  await page.keyboard.press('?')
  await expect(page.getByRole('dialog', { name: 'Keys' })).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('dialog', { name: 'Keys' })).toHaveCount(0)
})

test('arrows move in tables, Enter opens, Escape closes and gives the focus back', async ({
  page,
}) => {
  await page.goto('/?period=yesterday')
  await settled(page)
  const rows = page.getByRole('region', { name: 'Newest events' }).locator('[data-row]')
  await rows.first().focus()
  await page.keyboard.press('ArrowDown')
  await expect(rows.nth(1)).toBeFocused()
  await page.keyboard.press('End')
  await expect(rows.last()).toBeFocused()
  await page.keyboard.press('Home')
  await expect(rows.first()).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(page.getByRole('dialog', { name: 'Event' })).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('dialog', { name: 'Event' })).toHaveCount(0)
  await expect(rows.first()).toBeFocused()
})

test('the chart is read bar by bar with the arrow keys, and Enter zooms', async ({ page }) => {
  await page.goto('/?period=7d')
  await settled(page)
  const chart = page.getByRole('slider', { name: /spend by/ })
  await expect(chart).toHaveAttribute('aria-label', /Daily spend by provider, Last 7 days: \$/)
  await chart.focus()
  await page.keyboard.press('Home')
  await expect(chart).toHaveAttribute('aria-valuetext', /in total; .*\$/)
  await page.keyboard.press('ArrowRight')
  await expect(chart).toHaveAttribute('aria-valuenow', '1')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/from=/)
})

test('the first key leads past the rail, and focus can be seen', async ({ page }) => {
  await page.goto('/')
  await settled(page)
  await page.keyboard.press('Tab')
  await expect(page.getByRole('link', { name: 'Skip to the content' })).toBeFocused()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Tab')
  const outline = await page.evaluate(
    () => document.activeElement && getComputedStyle(document.activeElement).outlineStyle,
  )
  expect(outline).not.toBe('none')
})
