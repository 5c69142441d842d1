import {
  ask,
  days,
  daysAgo,
  exactFigure,
  exactly,
  expect,
  lastDays,
  settled,
  sum,
  test,
} from './fixtures'

test('today, this week and this month are what the API says, to the last digit', async ({
  page,
}) => {
  await page.goto('/')
  await settled(page)
  const { today, week, month } = days()
  for (const [testId, from] of [
    ['spend-today', today],
    ['spend-week', week],
    ['spend-month', month],
  ] as const) {
    // Demo usage keeps coming in, so the page and the API are asked until they are of one moment.
    await expect(async () => {
      const { total } = await ask(
        page,
        `/usage/total?from=${from}&to=${daysAgo(-1)}&measures=spend`,
      )
      expect(await exactFigure(page, testId)).toBe(exactly(total.spend))
    }).toPass()
  }
  await expect(page.getByTestId('change-today')).toContainText(/last \w{3} by \d\d:\d\d/)
  await expect(page.getByTestId('change-month')).toContainText('last month by')
})

test('the breakdown has every row of the API, and its rows are the total', async ({ page }) => {
  await page.goto('/')
  await settled(page)
  const table = page.getByRole('region', { name: 'By provider' })
  await expect(async () => {
    const answer = await ask(
      page,
      `/usage/breakdown?${lastDays(30)}&by=provider&measures=spend&top=7`,
    )
    const shown = await table
      .locator('tbody td:nth-child(2)')
      .evaluateAll((cells) => cells.map((cell) => cell.getAttribute('title')))
    expect(shown).toEqual(answer.rows.map((row) => exactly(row.spend)))
    expect(sum(answer.rows.map((row) => row.spend))).toBe(sum([answer.total.spend]))
    expect(await exactFigure(page, 'spend-period')).toBe(exactly(answer.total.spend))
  }).toPass()
})

test('the first line is true to the figures below it, and its nouns lead on', async ({ page }) => {
  // Yesterday is over, so that the line and the figures are of the same events.
  await page.goto('/?period=yesterday')
  await settled(page)
  const line = page.getByRole('region', { name: 'In short' })
  const spent = line.locator('[data-topic=spent]')
  await expect(spent).toContainText(/^\$[\d,.]+ in one day/)
  const { total } = await ask(
    page,
    `/usage/total?from=${daysAgo(1)}&to=${daysAgo(0)}&measures=spend`,
  )
  expect(await exactFigure(page, 'spend-period')).toBe(exactly(total.spend))
  const [told] = (await spent.innerText()).split(' ')
  expect(Number(told?.replace(/[$,]/g, ''))).toBeCloseTo(Number(total.spend), 2)
  await expect(line.locator('[data-topic=coming]')).toContainText(/ends at \$|crosses \$|has spent/)

  const month = page.getByRole('slider', { name: /^The month from its first day on: \$/ })
  await month.focus()
  await page.keyboard.press('End')
  await expect(month).toHaveAttribute('aria-valuetext', /Forecast \$/)

  await spent.getByRole('link').first().click()
  await expect(page).toHaveURL('/explore?period=yesterday')
})

test('a row drills down, the chip and the link say so, and back leads back', async ({ page }) => {
  await page.goto('/')
  await settled(page)
  await page.getByRole('button', { name: 'openai, show only this' }).click()
  await expect(page).toHaveURL(/[?&]provider=openai/)
  await expect(page.getByRole('list', { name: 'Filters' })).toContainText('Provider is openai')

  await page.reload()
  await settled(page)
  await expect(async () => {
    const { total } = await ask(page, `/usage/total?${lastDays(30)}&provider=openai&measures=spend`)
    expect(await exactFigure(page, 'spend-period')).toBe(exactly(total.spend))
  }).toPass()

  await page.goBack()
  await expect(page).not.toHaveURL(/provider=/)
  await page.goForward()
  await page.getByRole('button', { name: 'Remove the filter: Provider is openai' }).click()
  await expect(page).not.toHaveURL(/provider=/)
})

test('the chart is stacked by what people choose, any tag included', async ({ page }) => {
  await page.goto('/')
  await settled(page)
  for (const [choice, heading] of [
    ['Model', 'By model'],
    ['Team', 'By team'],
    ['Service', 'By service'],
  ] as const) {
    await page.getByRole('textbox', { name: 'Stack by' }).click()
    await page.getByRole('option', { name: choice, exact: true }).click()
    await expect(page.getByRole('heading', { name: heading })).toBeVisible()
  }
  await page.getByRole('textbox', { name: 'Stack by' }).fill('feature')
  await page.getByRole('option', { name: 'Tag feature' }).first().click()
  await expect(page).toHaveURL(/by=tag\.feature/)
  await expect(page.getByRole('heading', { name: 'By tag feature' })).toBeVisible()
})

test('dragging zooms into the chart, and Escape goes back out', async ({ page }) => {
  await page.goto('/?period=30d')
  await settled(page)
  const chart = page.getByRole('slider', { name: /spend by/ })
  const box = await chart.boundingBox()
  if (!box) throw new Error('the chart has no place')
  await page.mouse.move(box.x + box.width * 0.4, box.y + box.height / 2)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width * 0.6, box.y + box.height / 2, { steps: 6 })
  await page.mouse.up()
  await expect(page).toHaveURL(/from=\d{4}-\d\d-\d\d&to=/)

  await page.keyboard.press('Escape')
  await expect(page).not.toHaveURL(/from=/)
})

test('the table has the same figures as the chart', async ({ page }) => {
  await page.goto('/?period=7d&shown=table')
  const table = page.getByRole('region', { name: /Daily spend by provider/ })
  await expect(table.getByRole('row')).toHaveCount(8)
  await expect(async () => {
    const { rows } = await ask(page, `/usage/series?${lastDays(7)}&every=day&measures=spend`)
    const shown = await table
      .locator('tbody td:nth-child(2)')
      .evaluateAll((cells) => cells.map((cell) => cell.getAttribute('title')))
    const byDay = rows.map((row) => exactly(row.spend)).reverse()
    expect(shown).toEqual(byDay)
  }).toPass()
})

test('the comparison can be taken away', async ({ page }) => {
  await page.goto('/')
  await settled(page)
  await expect(page.getByText('28 days before', { exact: true })).toBeVisible()
  await page.getByRole('button', { name: 'Compare' }).click()
  await expect(page).toHaveURL(/compare=off/)
  await expect(page.getByText('28 days before', { exact: true })).toHaveCount(0)
})

test('a preset and picked days change the period, and the zone is said', async ({ page }) => {
  await page.goto('/')
  await settled(page)
  const picker = page.getByRole('button', { name: /^Period:/ })
  await expect(picker).toContainText('UTC')
  await picker.click()
  await page.getByRole('button', { name: 'Last 7 days' }).click()
  await expect(page).toHaveURL(/period=7d/)

  await picker.click()
  const dialog = page.getByRole('dialog', { name: 'Period' })
  const days = dialog.locator('table button:not([disabled]):visible')
  await days.nth(0).click()
  await days.nth(1).click()
  await expect(page).toHaveURL(/from=\d{4}-\d\d-\d\d&to=\d{4}-\d\d-\d\d/)
})

test('an event opens with all that is kept of it', async ({ page }) => {
  await page.goto('/')
  await settled(page)
  const events = page.getByRole('region', { name: 'Newest events' }).locator('[data-event]')
  // One that was rated by its tokens: some of the demo's state what they cost instead.
  await events
    .filter({ hasText: /openai|anthropic|google/ })
    .filter({ hasText: /\$0\.0*[1-9]/ })
    .first()
    .locator('[data-row]')
    .click()
  const drawer = page.getByRole('dialog', { name: 'Event' })
  // How much, times the price of it, is the amount.
  await expect(drawer.getByRole('row').first()).toContainText(/[\d,.]+ × \$[\d.]+.*\$0\.\d+/)
  for (const words of ['Quantities', 'occurred', 'received', 'source', 'account']) {
    await expect(drawer.getByText(words, { exact: true })).toBeVisible()
  }
  await page.keyboard.press('Escape')
  await expect(drawer).toHaveCount(0)
})

test('unpriced usage is named, with the way to price it', async ({ page }) => {
  const { total } = await ask(page, `/usage/total?${lastDays(30)}&measures=unpriced,spend`)
  expect(Number(total.unpriced), 'the demo has usage without a price').toBeGreaterThan(0)
  await page.goto('/')
  const note = page.getByRole('complementary', { name: 'Unpriced usage' })
  await expect(note).toContainText('unpriced')
  await note.getByRole('link', { name: 'Set prices' }).click()
  await expect(page).toHaveURL('/prices?view=unpriced')
})

test('what fails says so and can be tried again, while the rest works', async ({
  page,
  complaints,
}) => {
  const fault = { status: 500, code: 'unavailable', detail: 'the history cannot be read right now' }
  await page.route('**/api/v1/usage/breakdown?*', (route) =>
    route.fulfill({ status: 500, json: fault }),
  )
  await page.goto('/')
  const failure = page.getByRole('alert')
  await expect(failure).toContainText(
    'The breakdown could not be loaded. The history cannot be read right now.',
  )
  await expect(page.getByTestId('spend-today').locator('[title]')).toBeVisible()

  await page.unroute('**/api/v1/usage/breakdown?*')
  await failure.getByRole('button', { name: 'Try again' }).click()
  await expect(page.getByRole('button', { name: 'openai, show only this' })).toBeVisible()
  complaints.splice(0)
})

test('what a page shows first is on its way while somebody is about to open it, and asked once', async ({
  page,
}) => {
  await page.goto('/')
  await settled(page)
  const asked: string[] = []
  page.on('request', (request) => {
    const { pathname } = new URL(request.url())
    if (pathname === '/api/v1/budgets') asked.push(pathname)
  })
  const link = page
    .getByRole('navigation', { name: 'Pages' })
    .getByRole('link', { name: 'Budgets' })
  await link.hover()
  await expect.poll(() => asked).toEqual(['/api/v1/budgets'])
  await link.click()
  await expect(page.getByRole('table', { name: 'Budgets' })).toBeVisible()
  expect(asked).toHaveLength(1)
})

test('what is seen first is asked for while the script is on its way, and nothing is asked twice', async ({
  page,
}) => {
  const asked: string[] = []
  let hearOfIt = () => {}
  const heard = new Promise<void>((done) => {
    hearOfIt = done
  })
  page.on('request', (request) => {
    const { pathname, search } = new URL(request.url())
    if (!pathname.startsWith('/api/')) return
    asked.push(pathname + search)
    if (pathname === '/api/v1/pins') hearOfIt()
  })
  // Who is signed in is asked before any script of ours is there.
  await page.route(/\/assets\/early-[^/]*\.js$/, async (route) => {
    await expect.poll(() => asked).toContain('/api/v1/session')
    await route.continue()
  })
  // The page's own script is held back until the last of the early questions was asked.
  await page.route(/\/assets\/first-[^/]*\.js$/, async (route) => {
    await heard
    await route.continue()
  })

  await page.goto('/')
  await settled(page)

  const series = asked.filter((address) => address.startsWith('/api/v1/usage/series'))
  expect(series.length).toBeGreaterThanOrEqual(5)
  expect(asked.filter((address, at) => asked.indexOf(address) !== at)).toEqual([])
})
