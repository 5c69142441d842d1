import type { Page } from '@playwright/test'
import { advising, CHEAPER, GROWTH } from './advice'
import { expect, test, url } from './fixtures'

const panelOf = (page: Page) => page.getByRole('region', { name: 'What to do' })

test('advice says what to do, what it saves, and what proves it', async ({ page }) => {
  const asked = await advising(page)
  await page.goto('/insights?provider=openai')
  const panel = panelOf(page)
  await expect(panel.getByTestId('saving-total')).toContainText(
    /\$45\.12 a month could be saved, \$20\.00 to \$60\.00, 3\.7.% of what is spent/,
  )
  const item = panel.getByRole('listitem', { name: CHEAPER.title })
  await expect(item).toContainText('$45.12 a month, $20.00 to $60.00')
  await expect(item).toContainText('Assumed: gpt-4o-mini answers well enough.')
  await expect(item.getByRole('table')).toBeHidden()
  await item.getByText('Evidence').click()
  await expect(item.getByText('12,345', { exact: true })).toBeVisible()
  await expect(item.getByRole('row', { name: 'Input 1,200,000 $3.00 $0.18' })).toBeVisible()
  await expect(item.getByRole('link', { name: 'What is behind it' })).toHaveAttribute(
    'href',
    '/explore?from=2026-10-23&to=2026-11-21&provider=openai&model=gpt-4o',
  )
  expect(asked[0]).toBe('days=30&tz=UTC&state=open&provider=openai')
})

test('advice without figures has no evidence to open', async ({ page }) => {
  await advising(page)
  await page.goto('/insights')
  const growth = panelOf(page).getByRole('listitem', { name: GROWTH.title })
  await expect(growth).toContainText('Sure')
  await expect(growth.getByText('Evidence')).toHaveCount(0)
})

test('advice is snoozed, opened again, done and measured, or dismissed', async ({ page }) => {
  await advising(page)
  await page.goto('/insights')
  const panel = panelOf(page)
  const item = panel.getByRole('listitem', { name: CHEAPER.title })
  const show = (state: string) =>
    panel
      .getByRole('radiogroup', { name: 'Which recommendations' })
      .getByText(state, { exact: true })
      .click()

  await item.getByRole('button', { name: 'Snooze' }).click()
  await page.getByRole('button', { name: 'For a week' }).click()
  await expect(item).toHaveCount(0)
  await show('Snoozed')
  await expect(page).toHaveURL(/state=snoozed/)
  await expect(item).toContainText('Silent until')
  await item.getByRole('button', { name: 'Open it again' }).click()
  await expect(panel).toContainText('Nothing is silent')

  await show('Open')
  await item.getByRole('button', { name: 'Mark done' }).click()
  await page.getByRole('textbox', { name: 'Why' }).fill('The sample read the same.')
  await page.keyboard.press('Enter')
  await expect(item).toHaveCount(0)
  await page.goto('/insights?state=done')
  await expect(item).toContainText('Done by admin on 21 Nov 2026')
  await expect(item).toContainText('“The sample read the same.”')
  await expect(item).toContainText(
    'In 12 days since 9 Nov: $20.30 spent where $38.40 was expected, $18.10 saved ($15.00 to $20.00).',
  )

  await show('Open')
  const growth = panel.getByRole('listitem', { name: GROWTH.title })
  await growth.getByRole('button', { name: 'Dismiss' }).click()
  await page.getByRole('button', { name: 'Dismiss it' }).click()
  await expect(panel).toContainText('Nothing to save that can be proven')
})

test('who may not decide sees no buttons', async ({ page }) => {
  await advising(page)
  await page.route('**/api/v1/session', async (route) => {
    const answer = await route.fetch()
    await route.fulfill({ response: answer, json: { ...(await answer.json()), role: 'viewer' } })
  })
  await page.goto('/insights')
  const item = panelOf(page).getByRole('listitem', { name: CHEAPER.title })
  await expect(item).toBeVisible()
  await expect(item.getByRole('button')).toHaveCount(0)
})

test('advice that cannot be had says so, while the rest of the page stands', async ({
  page,
  complaints,
}) => {
  const fault = { status: 500, code: 'internal', detail: 'the prices cannot be read right now' }
  await page.route('**/api/v1/insights/recommendations?*', (route) =>
    route.fulfill({ status: 500, json: fault }),
  )
  await page.goto('/insights')
  await expect(panelOf(page).getByRole('alert')).toContainText(
    'The recommendations could not be loaded. The prices cannot be read right now.',
  )
  await expect(page.getByRole('slider', { name: /^Daily spend with forecast/ })).toBeVisible()
  complaints.splice(0)
})

test('the advice of the server stands on the page, and a decision is kept', async ({ page }) => {
  const listed = async (state: string) => {
    const path = `${url()}/api/v1/insights/recommendations?days=30&tz=UTC&state=${state}`
    return (await page.request.get(path)).json()
  }
  const { items, status } = await listed('open')
  test.skip(status === 404, 'this server gives no advice yet')
  expect(items.length, 'the demo has something to save').toBeGreaterThan(0)
  await page.goto('/insights')
  const panel = panelOf(page)
  const titles = panel.getByRole('list', { name: 'Open recommendations' }).getByRole('heading')
  const more = panel.getByRole('button', { name: /^Show \d+ more$/ })
  await expect(titles.first()).toBeVisible()
  if (items.length > 6) await more.click()
  await expect(titles).toHaveText(items.map(({ title }: { title: string }) => title))

  const [first] = items
  const item = panel.getByRole('listitem', { name: first.title })
  await item.getByRole('button', { name: 'Snooze' }).click()
  await page.getByRole('textbox', { name: 'Why' }).fill('  After the move ')
  await page.getByRole('button', { name: 'For a month' }).click()
  await expect(item).toHaveCount(0)
  const snoozed = (await listed('snoozed')).items
  const kept = snoozed.find(({ id }: { id: string }) => id === first.id)
  expect(kept.note).toBe('After the move')

  await page.goto('/insights?state=snoozed')
  await expect(item).toContainText('asked for by admin')
  await expect(item).toContainText('“After the move”')
  await item.getByRole('button', { name: 'Open it again' }).click()
  await expect(item).toHaveCount(0)
  const open = (await listed('open')).items
  expect(open.map(({ id }: { id: string }) => id)).toContain(first.id)
})
