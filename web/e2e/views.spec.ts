import { readFile } from 'node:fs/promises'
import type { Browser, Page } from '@playwright/test'
import { ask, daysAgo, expect, type Row, settled, still, test, url } from './fixtures'
import { earning } from './revenue'

/** Removes what a test has kept, so that the next begins with nothing. */
async function forgetViews(page: Page) {
  const session = await page.request.get(`${url()}/api/v1/session`)
  const headers = { 'x-csrf-token': (await session.json()).csrf }
  const { items } = await (await page.request.get(`${url()}/api/v1/views`)).json()
  for (const { id } of items) await page.request.delete(`${url()}/api/v1/views/${id}`, { headers })
}

/** Keeps what Explore shows under a name. */
async function save(page: Page, name: string, boxes: string[] = []) {
  await page.getByRole('button', { name: 'Save as view' }).click()
  const form = page.getByRole('dialog', { name: 'Save as view' })
  await form.getByLabel('Name').fill(name)
  for (const box of boxes) await form.getByLabel(box).check()
  await form.getByRole('button', { name: 'Save the view' }).click()
  await expect(page).toHaveURL(/view=/)
}

/** Somebody else's browser, signed in as a member who pays from one account. */
async function asMember(page: Page, browser: Browser, id: string): Promise<Page> {
  const session = await page.request.get(`${url()}/api/v1/session`)
  const headers = { 'x-csrf-token': (await session.json()).csrf }
  const data = { id, role: 'member', account: 'globex' }
  await page.request.post(`${url()}/api/v1/users`, { headers, data })
  const link = await page.request.post(`${url()}/api/v1/users/${id}/link`, { headers })
  const { pathname, search, hash } = new URL((await link.json()).url)
  const storageState = { cookies: [], origins: [] }
  const context = await browser.newContext({ baseURL: url(), storageState })
  const theirs = await context.newPage()
  await theirs.goto(`${pathname}${search}${hash}`)
  await expect(theirs.getByRole('navigation', { name: 'Pages' })).toBeVisible()
  return theirs
}

test.beforeEach(async ({ page }) => {
  await page.goto('/')
  await settled(page)
  await forgetViews(page)
})

test('a view that is saved and pinned stands on the overview, also after a reload', async ({
  page,
}) => {
  await page.goto('/explore?period=7d&by=model&provider=openai&shown=cumulative')
  await settled(page)
  await save(page, 'OpenAI by model', ['On my overview'])
  await expect(page.getByRole('region', { name: 'View', exact: true })).toContainText(
    'OpenAI by model',
  )

  await page.goto('/')
  const mine = page.getByRole('region', { name: 'My views' })
  await expect(mine.getByRole('slider', { name: /^OpenAI by model: spend/ })).toBeVisible()
  await page.reload()
  await expect(mine).toContainText('Last 7 days, provider is openai')
  await mine.getByRole('link', { name: 'OpenAI by model' }).click()
  await expect(page).toHaveURL(/provider=openai.*view=/)
  await expect(page.getByRole('radio', { name: 'Cumulative' })).toBeChecked()
})

test('a view is changed, renamed and removed', async ({ page }) => {
  await page.goto('/explore?by=model')
  await settled(page)
  await save(page, 'Models')
  const bar = page.getByRole('region', { name: 'View', exact: true })
  await page.getByRole('radiogroup', { name: 'Show as' }).getByText('Lines').locator('..').click()
  await expect(bar).toContainText('changed since it was saved')
  await bar.getByRole('button', { name: 'Save the changes' }).click()
  await expect(bar).not.toContainText('changed')

  await bar.getByRole('button', { name: 'More about Models' }).click()
  await page.getByRole('menuitem', { name: 'Rename or share it' }).click()
  const form = page.getByRole('dialog', { name: 'Rename or share the view' })
  await form.getByLabel('Name').fill('All models')
  await form.getByRole('button', { name: 'Save the name' }).click()
  await expect(bar).toContainText('All models')

  await page.goto('/views')
  await expect(page.getByRole('table', { name: 'Views' })).toContainText('All models')
  await page.getByRole('link', { name: 'All models' }).click()
  await expect(page.getByRole('radio', { name: 'Lines' })).toBeChecked()
  await bar.getByRole('button', { name: 'More about All models' }).click()
  await page.getByRole('menuitem', { name: 'Remove it' }).click()
  const asking = page.getByRole('dialog', { name: 'Remove the view' })
  // The page hears from elsewhere that it is gone before it has the answer itself.
  await page.route('**/api/v1/views/*', async (route) => {
    if (route.request().method() !== 'DELETE') return route.continue()
    const response = await route.fetch()
    await expect(bar.getByRole('button', { name: /^More about/ })).toHaveCount(0)
    await route.fulfill({ response })
  })
  await asking.getByRole('button', { name: 'Remove the view' }).click()
  await asking.getByRole('button', { name: 'Remove it' }).click()
  await expect(page).not.toHaveURL(/view=/)
  await page.goto('/views')
  await expect(page.getByText('No view is kept yet')).toBeVisible()
})

test('an overview is laid out by keyboard, and stays so', async ({ page }) => {
  for (const name of ['First', 'Second']) {
    await page.goto('/explore?by=model')
    await settled(page)
    await save(page, name, ['On my overview'])
  }
  await page.goto('/')
  const names = page.getByRole('region', { name: 'My views' }).getByRole('heading', { level: 2 })
  await expect(names).toHaveText(['First', 'Second'])
  await page.getByRole('button', { name: 'Move Second, 2 of 2, with the arrow keys' }).focus()
  await page.keyboard.press('ArrowLeft')
  await expect(names).toHaveText(['Second', 'First'])
  // The handle keeps the focus, so that it can be moved on.
  await page.keyboard.press('ArrowRight')
  await expect(names).toHaveText(['First', 'Second'])
  await page.keyboard.press('ArrowLeft')
  await expect(page.getByText('Second is 1 of 2 now')).toBeAttached()
  await page.getByRole('button', { name: 'More about Second on the overview' }).click()
  await page.getByRole('menuitem', { name: 'All of the width' }).click()
  await page.getByRole('button', { name: 'More about First on the overview' }).click()
  await page.getByRole('menuitem', { name: 'Take it off the overview' }).click()
  await expect(names).toHaveText(['Second'])

  await page.reload()
  await expect(names).toHaveText(['Second'])
  const pins = await (await page.request.get(`${url()}/api/v1/pins`)).json()
  expect(pins.items).toMatchObject([{ size: 'full' }])
})

test('an overview is laid out with the mouse', async ({ page }) => {
  for (const name of ['Left', 'Right']) {
    await page.goto('/explore?by=model')
    await settled(page)
    await save(page, name, ['On my overview'])
  }
  await page.goto('/')
  const mine = page.getByRole('region', { name: 'My views' })
  const names = mine.getByRole('heading', { level: 2 })
  await expect(names).toHaveText(['Left', 'Right'])
  await mine.getByRole('button', { name: /^Move Right/ }).dragTo(names.first())
  await expect(names).toHaveText(['Right', 'Left'])
})

test('a link shows a member what they may see, and a private view is none of theirs', async ({
  page,
  browser,
}) => {
  await page.goto('/explore?by=account&period=7d')
  await settled(page)
  await save(page, 'Accounts for all', ['For all'])
  const shared = new URL(page.url()).searchParams.get('view')
  await page.goto('/explore?by=model')
  await settled(page)
  await save(page, 'Mine alone')
  const own = new URL(page.url()).searchParams.get('view')

  const theirs = await asMember(page, browser, 'vera')
  await theirs.goto(`/views/${shared}`)
  await expect(theirs).toHaveURL(new RegExp(`explore.*view=${shared}`))
  await settled(theirs)
  const answer = await theirs.request.get(`${url()}/api/v1/usage/breakdown?by=account`)
  const accounts = (await answer.json()).rows.map((row: { account: string }) => row.account)
  expect(accounts).toEqual(['globex'])
  await expect(theirs.getByRole('region', { name: 'Breakdown' })).toContainText('globex')
  await expect(theirs.getByRole('region', { name: 'Breakdown' })).not.toContainText('northwind')
  await expect(theirs.getByRole('button', { name: 'Save the changes' })).toHaveCount(0)
  await theirs.goto(`/views/${own}`)
  await expect(theirs.getByText('There is no such view')).toBeVisible()
  expect((await theirs.request.get(`${url()}/api/v1/views/${own}`)).status()).toBe(404)
  const names = (await (await theirs.request.get(`${url()}/api/v1/views`)).json()).items.map(
    ({ name }: { name: string }) => name,
  )
  expect(names).toEqual(['Accounts for all'])
  await theirs.context().close()
})

test('a view becomes a budget in two clicks', async ({ page }) => {
  await page.goto('/explore?by=model&provider=openai&period=month')
  await settled(page)
  await save(page, 'OpenAI this month')
  await page.getByRole('button', { name: 'Watch' }).click()
  await page.getByRole('menuitem', { name: 'Make a budget of it' }).click()
  const form = page.getByRole('dialog', { name: 'New budget' })
  await expect(form.getByLabel('Name')).toHaveValue('OpenAI this month')
  await expect(form.getByRole('list', { name: 'Filters' })).toContainText('Provider is openai')
  await expect(form).toContainText('it is of all of it together, not by model')
  await form.getByLabel(/^Amount/).fill('900')
  await form.getByRole('button', { name: 'Make the budget' }).click()
  await expect(page.getByRole('region', { name: 'Budgets' })).toContainText('OpenAI this month')
})

test('a view becomes an alert rule, of its measure', async ({ page }) => {
  await page.goto('/explore?by=&measure=tokens&model=gpt-4o')
  await settled(page)
  await page.getByRole('button', { name: 'Watch' }).click()
  await page.getByRole('menuitem', { name: 'Make an alert rule of it' }).click()
  const form = page.getByRole('dialog', { name: 'New rule' })
  await expect(form.getByLabel('Name')).toHaveValue('Tokens, where model is gpt-4o')
  await expect(form.getByRole('list', { name: 'Filters' })).toContainText('Model is gpt-4o')
  await expect(form.getByLabel('Measure').first()).toHaveValue('Tokens')
})

for (const shown of ['chart', 'heat']) {
  test(`what is shown as ${shown} is saved as a picture of the right size`, async ({ page }) => {
    await page.goto(`/explore?by=model&period=30d&shown=${shown}`)
    await expect(page.locator('svg[data-chart]').first()).toBeVisible()
    await expect(page.getByText('loading')).toHaveCount(0)
    await page.getByRole('button', { name: 'Export' }).click()
    const download = page.waitForEvent('download')
    await page.getByRole('menuitem', { name: 'Picture, as PNG' }).click()
    const file = await download
    expect(file.suggestedFilename()).toMatch(/^outlay-spend-by-.*\.png$/)
    const bytes = await readFile(await file.path())
    expect(bytes.subarray(1, 4).toString('latin1')).toBe('PNG')
    expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([1600, 900])
    // An empty picture of one colour takes no room.
    expect(bytes.length).toBeGreaterThan(12_000)
    await file.saveAs(`test-results/picture-${shown}.png`)
  })
}

test('the query that is copied asks what is shown, without a secret', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.goto("/explore?by=model&period=yesterday&provider=openai,o'hara")
  await expect(page.getByTestId('explore-total')).toContainText(/\d/)
  await page.getByRole('button', { name: 'Export' }).click()
  await page.getByRole('menuitem', { name: 'Copy the query, for curl' }).click()
  await expect(page.getByText('Copied, with KEY for a key')).toBeVisible()
  const command = await page.evaluate(() => navigator.clipboard.readText())
  expect(command).toContain('Bearer KEY')
  const address = /curl '(.*)' \\/.exec(command)?.[1] ?? ''
  const answer = await page.request.get(address.replaceAll("'\\''", "'"))
  expect(answer.status()).toBe(200)
  expect((await answer.json()).every).toBe('hour')
})

test('the SQL that is copied comes to what is shown', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.goto('/explore?by=model&period=yesterday&provider=openai&model!=gpt-4o')
  await settled(page)
  await page.getByRole('button', { name: 'Export' }).click()
  await page.getByRole('menuitem', { name: 'Copy the query, as SQL' }).click()
  await expect(page.getByText('Copied, for the page of SQL')).toBeVisible()
  const query = await page.evaluate(() => navigator.clipboard.readText())
  const session = await (await page.request.get(`${url()}/api/v1/session`)).json()
  const headers = { 'x-csrf-token': session.csrf }
  const answer = await page.request.post(`${url()}/api/v1/sql`, { headers, data: { query } })
  expect(answer.status(), await answer.text()).toBe(200)
  const { rows } = await answer.json()
  const asked = `from=${daysAgo(1)}&to=${daysAgo(0)}&by=model&measures=spend`
  const usage = await ask(page, `/usage/breakdown?${asked}&provider=openai&model!=gpt-4o`)
  const named = usage.rows.map((row) => [row.model, Number(row.spend)])
  expect(rows.map(({ model, spend }: Row) => [model, Number(spend ?? 0)])).toEqual(
    expect.arrayContaining(named),
  )
})

test('a heat map is read hour by hour with the keyboard', async ({ page }) => {
  await page.goto('/explore?shown=heat&period=30d&tz=Europe/Berlin')
  const grid = page.getByRole('grid', { name: /^Heat map of hourly spend/ })
  await expect(grid).toBeVisible()
  await expect(page.getByText('Hours of Europe/Berlin')).toBeVisible()
  const focused = page.locator('[role="gridcell"]:focus')
  await grid.getByRole('gridcell', { name: /^Monday 00:00–01:00: / }).focus()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('ArrowRight')
  await expect(focused).toHaveAccessibleName(
    /^Tuesday 01:00–02:00: \$.* in an average hour, \$.* in [45] hours$/,
  )
  await page.keyboard.press('End')
  await expect(focused).toHaveAccessibleName(/^Tuesday 23:00–00:00: /)
  await expect(grid.getByRole('gridcell')).toHaveCount(168)
  await expect(grid.getByRole('row')).toHaveCount(7)

  // A percentile of percentiles is none, so it has no average hour.
  await page.goto('/explore?shown=heat&measure=latency_p95_ms')
  await settled(page)
  await expect(page.getByRole('radio', { name: 'Heat map' })).toHaveCount(0)
})

test('views look as they should', async ({ page }) => {
  test.setTimeout(300_000)
  const forms = ['cumulative', 'heat', 'line', 'table']
  for (const shown of forms) {
    await page.goto(`/explore?by=model&period=30d&shown=${shown}`)
    await expect(page.getByTestId('explore-total')).toContainText(/\d/)
    await save(page, `By model, ${shown}`, ['On my overview'])
  }
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    for (const [width, height] of [
      [1440, 900],
      [375, 800],
    ] as const) {
      await page.setViewportSize({ width, height })
      for (const path of ['/', '/views', '/explore?by=model&period=30d&shown=heat']) {
        await page.goto(path)
        await expect(page.getByText('loading')).toHaveCount(0)
        if (path === '/views')
          await expect(page.getByRole('table', { name: 'Views' })).toBeVisible()
        else await expect(page.getByRole('grid')).toBeVisible()
        await still(page)
        const wider = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        )
        expect(wider, `${path} at ${width}`).toBeLessThanOrEqual(0)
        const name = path === '/' ? 'overview' : path.slice(1, 6)
        await page.screenshot({
          path: `test-results/views-${name}-${colorScheme}-${width}.png`,
          fullPage: true,
        })
      }
    }
  }
})

const NOTE = /Note: Release 7 went out/

test('a note is written onto the chart, read by keyboard, listed and taken back', async ({
  page,
}) => {
  await page.goto('/explore?by=model&period=7d')
  await settled(page)
  await page.getByRole('button', { name: 'Write a note' }).click()
  const form = page.getByRole('dialog', { name: 'Note' })
  await form.getByLabel('What happened').fill('Release 7 went out')
  await form.getByLabel('Time').fill('00:00')
  await form.getByRole('button', { name: 'Write it' }).click()
  const mark = page.getByRole('button', { name: NOTE })
  await expect(mark).toBeVisible()
  await mark.focus()
  await expect(page.locator('p', { hasText: 'Note Release 7 went out' })).toBeVisible()

  // It stands on every chart of spend.
  await page.goto('/')
  await settled(page)
  for (const chart of ['This month, day upon day', /^Spend, last 30 days/])
    await expect(
      page.getByRole('region', { name: chart }).getByRole('button', { name: NOTE }),
    ).toBeVisible()
  await earning(page)
  await page.goto('/roi?period=7d')
  await expect(mark).toBeVisible()
  await page.goto('/model/gpt-4o')
  await expect(mark).toBeVisible()

  await page.goto('/explore?by=model&period=7d')
  await page.getByText(/^\d+ marks? on the chart$/).click()
  const list = page.getByRole('list', { name: 'What happened' })
  await list.getByRole('button', { name: 'Remove the note: Release 7 went out' }).click()
  await expect(mark).toHaveCount(0)
})

test('a model’s new price stands on the charts of the model', async ({ page }) => {
  const session = await (await page.request.get(`${url()}/api/v1/session`)).json()
  const headers = { 'x-csrf-token': session.csrf }
  const noon = `${daysAgo(1)}T12:00:00Z`
  const row = { provider: 'acme', model: 'chat-1', meter: 'input_tokens', unit: 1_000_000 }
  for (const [price, valid_from] of [
    ['2.5', '2020-01-01T00:00:00Z'],
    ['2', noon],
  ]) {
    const data = { ...row, price, valid_from }
    const answer = await page.request.post(`${url()}/api/v1/prices`, { headers, data })
    expect(answer.status(), await answer.text()).toBeLessThan(300)
  }
  // The days of a model begin with its first usage.
  const occurred_at = `${daysAgo(3)}T12:00:00Z`
  const event = { id: 'marked', source: 'e2e', provider: 'acme', model: 'chat-1', occurred_at }
  const data = { ...event, quantities: { input_tokens: 1000 } }
  await page.request.post(`${url()}/api/v1/events`, { headers, data })
  await page.goto('/model/chat-1')
  const mark = page.getByRole('button', {
    name: 'Price: acme chat-1: input tokens 2.5 → 2 USD per million',
  })
  await expect(mark).toBeVisible()
  await page.goto('/explore?model=chat-1&period=7d')
  await expect(mark).toBeVisible()
})

test('what a name’s page shows is kept from there', async ({ page }) => {
  await page.goto('/provider/openai')
  await page.getByRole('link', { name: 'Keep as view' }).click()
  const form = page.getByRole('dialog', { name: 'Save as view' })
  await expect(form.getByLabel('Name')).toHaveValue('Spend by model, where provider is openai')
  await form.getByRole('button', { name: 'Save the view' }).click()
  await expect(page).toHaveURL(/provider=openai.*view=/)
  await expect(page).not.toHaveURL(/save=/)
})

test('a single panel is kept as a view, as Explore shows it', async ({ page }) => {
  await page.goto('/provider/openai?period=7d&sort=-requests')
  await page
    .getByRole('region', { name: 'By model' })
    .getByRole('button', { name: 'More about by model' })
    .click()
  await page.getByRole('menuitem', { name: 'Keep it as a view' }).click()
  const form = page.getByRole('dialog', { name: 'Keep it as a view' })
  await expect(form.getByLabel('Name')).toHaveValue('Spend by model, where provider is openai')
  await form.getByLabel('Name').fill('What openai is used for')
  await form.getByRole('button', { name: 'Save the view' }).click()
  await form.getByRole('link', { name: 'Open it' }).click()

  await expect(page).toHaveURL(/\/explore\?.*period=7d.*provider=openai.*sort=-requests.*view=/)
  const { items } = await (await page.request.get(`${url()}/api/v1/views`)).json()
  const kept = items.find(({ name }: { name: string }) => name === 'What openai is used for')
  expect(kept).toMatchObject({
    form: 'table',
    measure: 'spend',
    by: ['model'],
    sort: { column: 'requests', reversed: true },
  })
})
