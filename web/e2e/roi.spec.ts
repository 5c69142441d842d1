import { readFileSync } from 'node:fs'
import { exactFigure, exactly, expect, settled, test, url } from './fixtures'
import { earning } from './revenue'

test('the figures stand on top, each against the period before', async ({ page }) => {
  await earning(page)
  await page.goto('/roi')
  await settled(page)
  await expect(page).toHaveTitle('Revenue & ROI · Outlay')
  await expect(page.getByTestId('roi-revenue')).toHaveText('$360.00')
  await expect(page.getByTestId('roi-spend')).toHaveText('$185.75')
  await expect(page.getByTestId('roi-profit')).toHaveText('$174.25')
  await expect(page.getByTestId('roi-margin')).toHaveText(/48.%/)
  await expect(page.getByTestId('roi-roi')).toHaveText(/94.%/)
  const cards = page.getByRole('region', { name: 'Revenue against spend' })
  await expect(cards).toContainText(/\+20.% vs \$300\.00, 28 days before/)
  await expect(cards).toContainText(/points/)
  await expect(page.getByText('€120.00 of revenue are in other currencies')).toBeVisible()

  await page.getByRole('button', { name: 'Compare' }).click()
  await expect(page).toHaveURL(/compare=off/)
  await expect(cards).not.toContainText('points')
})

test('the course is read bar by bar, and as a table', async ({ page }) => {
  await earning(page)
  await page.goto('/roi?period=7d')
  await settled(page)
  const chart = page.getByRole('slider')
  await expect(chart).toHaveAttribute('aria-label', /^Daily revenue, spend and profit/)
  await chart.focus()
  await page.keyboard.press('Home')
  await expect(chart).toHaveAttribute(
    'aria-valuetext',
    /; Revenue \$9\.00; Spend \$7\.00; Profit \$2\.00$/,
  )
  await page.getByRole('radiogroup', { name: 'Show as' }).getByText('Table').locator('..').click()
  const table = page.getByRole('region', { name: /^Daily revenue, spend and profit/ })
  await expect(table.getByRole('row')).toHaveCount(8)
})

test('rule and group are asked for, stay in the link, and names lead to their pages', async ({
  page,
}) => {
  const asked = await earning(page)
  await page.goto('/roi?team=research')
  await settled(page)
  expect(asked[0]?.get('by')).toBe('service')
  expect(asked[0]?.get('rule')).toBe('spend')
  expect(asked[0]?.get('team')).toBe('research')
  const groups = page.getByRole('region', { name: 'By service' })
  await expect(groups).toContainText('What says nothing is shared out by spend.')
  await groups.getByText('Direct only').click()
  await expect(page).toHaveURL(/rule=direct/)
  await expect(groups).toContainText('Only revenue that says whose it is.')

  await page.goto('/roi?rule=direct&group=team&provider=openai')
  await settled(page)
  await page.getByRole('button', { name: /^Period:/ }).click()
  await page.getByRole('button', { name: 'Last 7 days' }).click()
  await expect(page).toHaveURL(/period=7d.*rule=direct&group=team/)
  const teams = page.getByRole('region', { name: 'By team' })
  await teams.getByRole('link', { name: 'search' }).click()
  await expect(page).toHaveURL(/\/team\/search\?period=7d.*provider=openai/)
})

test('course and groups are saved with every digit', async ({ page }) => {
  await earning(page)
  await page.goto('/roi?period=7d&group=team')
  await settled(page)
  const saved = async (name: string) => {
    const download = page.waitForEvent('download')
    await page.getByRole('link', { name }).click()
    const file = await download
    return { name: file.suggestedFilename(), text: readFileSync(await file.path(), 'utf8') }
  }
  const course = await saved('Save revenue and spend as CSV')
  expect(course.name).toMatch(/^outlay-revenue-and-spend-by-day-[\d-]+-to-[\d-]+\.csv$/)
  expect(course.text).toMatch(
    /^start,revenue,spend,profit,unpriced\r\n.*,9\.000000000,7\.000000000,2\./,
  )
  expect(course.text.trim().split('\r\n')).toHaveLength(8)
  const groups = await saved('Save the groups as CSV')
  expect(groups.name).toMatch(/^outlay-revenue-and-spend-by-team-[\d-]+-to-[\d-]+\.csv$/)
  expect(groups.text).toContain('search,300.000000000,240.000000000,60.000000000,120.500000000,')
})

test('without revenue the page says how to post it', async ({ page }) => {
  await earning(page, { revenue: 0 })
  await page.goto('/roi')
  const first = page.getByRole('region', { name: 'No revenue in this period' })
  await expect(first).toContainText(/curl http.*\/api\/v1\/revenue/)
  await expect(page.getByTestId('roi-spend')).toHaveText('$185.75')
  await expect(page.getByTestId('roi-margin')).toHaveText('–')
})

test('without revenue and spend there is nothing to draw', async ({ page }) => {
  await page.goto('/roi?model=nothing-of-this-name')
  await expect(page.getByText('Nothing was spent or earned in this period')).toBeVisible()
  await expect(page.getByRole('region', { name: 'No revenue in this period' })).toBeVisible()
  await expect(page.getByRole('slider')).toHaveCount(0)
  await expect(page.getByTestId('roi-roi')).toHaveCount(0)
})

test('revenue that is posted as the page says is held against spend, to the last digit', async ({
  page,
}) => {
  // What the demo's customers paid names no model.
  await page.goto('/roi?model=gpt-4o')
  const first = page.getByRole('region', { name: 'No revenue in this period' })
  const command = await first.locator('pre').innerText()
  const revenue = async () => {
    const asked = await page.request.get(`${url()}/api/v1/insights/roi?tz=UTC&by=service`)
    return Number((await asked.json()).total.revenue)
  }
  const before = await revenue()
  const session = await (await page.request.get(`${url()}/api/v1/session`)).json()
  const posted = await page.request.post(`${url()}/api/v1/revenue`, {
    headers: { 'x-csrf-token': session.csrf },
    data: JSON.parse(/-d '([^']+)'/.exec(command)?.[1] ?? ''),
  })
  expect(posted.ok(), await posted.text()).toBe(true)
  expect(await revenue()).toBeCloseTo(before + 49, 9)

  await page.goto('/roi')
  await settled(page)
  await expect(first).toHaveCount(0)
  // The demo uses a model that has no price, and its groups are not to look as if they were free.
  await expect(page.getByRole('complementary', { name: 'Unpriced usage' })).toBeVisible()
  // Demo usage keeps coming in, so the page and the API are asked until they are of one moment.
  await expect(async () => {
    await page.reload()
    await settled(page)
    const { total } = await (
      await page.request.get(`${url()}/api/v1/insights/roi?tz=UTC&by=service`)
    ).json()
    for (const name of ['revenue', 'spend', 'profit', 'spend_per_purchase']) {
      expect(await exactFigure(page, `roi-${name}`)).toBe(exactly(total[name]))
    }
  }).toPass()

  await page
    .getByRole('region', { name: 'By service' })
    .getByRole('link', { name: 'search' })
    .click()
  await expect(page).toHaveURL('/service/search')
})

test('what cannot be had says so and is tried again', async ({ page, complaints }) => {
  const fault = { status: 500, code: 'unavailable', detail: 'the history cannot be read right now' }
  await page.route('**/api/v1/insights/roi?*', (route) =>
    route.fulfill({ status: 500, json: fault }),
  )
  await page.goto('/roi')
  const failure = page.getByRole('alert')
  await expect(failure).toContainText('Revenue against spend could not be loaded.')
  await page.unroute('**/api/v1/insights/roi?*')
  await earning(page)
  await failure.getByRole('button', { name: 'Try again' }).click()
  await expect(page.getByTestId('roi-revenue')).toBeVisible()
  complaints.splice(0)
})
