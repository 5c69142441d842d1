import type { Page } from '@playwright/test'
import { expect, settled, test } from './fixtures'

const picker = (page: Page) => page.getByRole('button', { name: /^Period:/ })

/** A day of the calendar, which comes in a script of its own. */
const days = (page: Page) =>
  page.getByRole('dialog', { name: 'Period' }).locator('table button:visible')

test('without a network the period picker opens all the same, and fills when it is back', async ({
  page,
  complaints,
}) => {
  await page.goto('/')
  await settled(page)
  await page.context().setOffline(true)
  await picker(page).click()
  const dialog = page.getByRole('dialog', { name: 'Period' })
  await expect(dialog.getByRole('alert')).toContainText('The server does not answer')
  await expect(dialog.getByRole('button', { name: 'Last 7 days' })).toBeVisible()
  await expect(page.getByTestId('spend-period')).toBeVisible()

  await page.context().setOffline(false)
  await expect(days(page).first()).toBeVisible()
  complaints.splice(0)
})

test('a script that an upgrade took away loads the page anew, once', async ({
  page,
  complaints,
}) => {
  await page.route('**/assets/Calendar-*.js', (route) => route.fulfill({ status: 404 }))
  await page.goto('/?period=7d')
  await settled(page)
  const loads: string[] = []
  page.on('load', () => loads.push(page.url()))

  await picker(page).click()
  await expect.poll(() => loads.length).toBe(1)
  await settled(page)
  await picker(page).click()
  const dialog = page.getByRole('dialog', { name: 'Period' })
  await expect(dialog.getByRole('alert')).toContainText('The calendar could not be drawn')
  expect(loads).toHaveLength(1)
  expect(loads[0]).toContain('period=7d')

  await page.unroute('**/assets/Calendar-*.js')
  await dialog.getByRole('button', { name: 'Load the page again' }).click()
  await settled(page)
  await picker(page).click()
  await expect(days(page).first()).toBeVisible()
  complaints.splice(0)
})

test('a page whose script cannot be had keeps its frame, and comes when the server is back', async ({
  page,
  complaints,
}) => {
  await page.goto('/')
  await settled(page)
  await page.context().setOffline(true)
  await page.getByRole('link', { name: 'Budgets' }).click()
  await expect(page.getByRole('main').getByRole('alert')).toContainText(
    'This page comes by itself when it is back',
  )
  await expect(page.getByRole('navigation', { name: 'Pages' })).toBeVisible()

  await page.context().setOffline(false)
  await expect(page.getByRole('region', { name: 'Budgets' })).toBeVisible()
  complaints.splice(0)
})

test('figures are there without the script that keeps them live, and are live when it comes', async ({
  page,
  complaints,
}) => {
  await page.route('**/assets/live-*.js', (route) => route.abort('connectionrefused'))
  await page.goto('/')
  await settled(page)
  await expect(page.getByText('Reconnecting', { exact: true })).toBeVisible()

  await page.unroute('**/assets/live-*.js')
  await expect(page.getByText('Live', { exact: true })).toBeVisible()
  complaints.splice(0)
})

test('what failed while the server was away is asked again by itself', async ({
  page,
  complaints,
}) => {
  const away = (path: string) => page.route(path, (route) => route.abort('connectionrefused'))
  await page.goto('/explore')
  await settled(page)
  await away('**/api/v1/**')
  await page.getByRole('link', { name: 'Budgets' }).click()
  await expect(page.getByRole('alert')).toContainText('The budgets could not be loaded.')

  await page.unroute('**/api/v1/**')
  await expect(page.getByRole('button', { name: 'New budget' })).toBeVisible()
  await expect(page.getByRole('alert')).toHaveCount(0)
  complaints.splice(0)
})
