import { test as base, type Page } from '@playwright/test'
import { daysAgo, expect, still } from './fixtures'
import { serveFreshPages } from './pages'
import { type Server, startServer } from './server'

const ACCOUNTS = 10_000
const MODELS = 200
/** Each event's: all of them come to $1.3 billion. */
const COST = '130000.000000001'
const SPEND = '1300000000.00001'
const BATCH = 5_000

interface House {
  server: Server
  url: string
}

/** A large organisation on a server of its own, and somebody who sees all of it. */
const test = base.extend<{ page: Page }, { house: House }>({
  house: [
    // biome-ignore lint/correctness/noEmptyPattern: the runner wants a pattern
    async ({}, use) => {
      const server = await startServer()
      const isFresh = process.env.OUTLAY_E2E_PAGES === 'dist'
      const front = isFresh ? await serveFreshPages(server.url) : null
      await use({ server, url: front?.url ?? server.url })
      front?.close()
      await server.remove()
    },
    { scope: 'worker' },
  ],
})

test.describe.configure({ mode: 'serial' })

async function open(page: Page, house: House) {
  await page.goto(house.server.link.replace(house.server.url, house.url))
  await expect(page.getByRole('navigation', { name: 'Pages' })).toBeVisible()
}

const account = (at: number) => `acct-${String(at).padStart(5, '0')}`

function event(at: number) {
  return {
    id: `scale-${at}`,
    source: 'scale',
    account: account(at),
    provider: `provider-${at % 20}`,
    model: `model-${String(at % MODELS).padStart(3, '0')}-preview-of-a-long-name`,
    occurred_at: `${daysAgo(1 + (at % 28))}T12:00:00Z`,
    cost: COST,
    quantities: { input_tokens: 1_000_000_000 },
  }
}

async function fill(page: Page, house: House) {
  const session = await (await page.request.get(`${house.url}/api/v1/session`)).json()
  for (let first = 0; first < ACCOUNTS; first += BATCH) {
    const data = Array.from({ length: BATCH }, (_, at) => event(first + at))
    const headers = { 'x-csrf-token': session.csrf }
    const sent = await page.request.post(`${house.url}/api/v1/events`, { headers, data })
    expect(sent.ok(), await sent.text()).toBe(true)
  }
}

/** Figures that stand on two lines, and cards that do not hold theirs. */
async function brokenLines(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const isShown = (one: Element) => one.getClientRects().length > 0
    const figures = [...document.querySelectorAll('main .number')].filter(isShown)
    const broken = figures.filter((one) => {
      const tops = new Set([...one.getClientRects()].map(({ top }) => Math.round(top)))
      return getComputedStyle(one).display === 'inline' && tops.size > 1
    })
    const cards = [...document.querySelectorAll('main article')]
    const burst = cards.filter((card) => card.scrollWidth > card.clientWidth)
    const { scrollWidth, clientWidth } = document.documentElement
    return [
      ...broken.map((one) => `on two lines: ${one.textContent}`),
      ...burst.map((one) => `does not fit: ${one.textContent}`),
      ...(scrollWidth > clientWidth ? [`the page is ${scrollWidth} wide`] : []),
    ]
  })
}

test('200 models, 10,000 accounts and $1.3 billion are told without a broken line', async ({
  page,
  house,
}) => {
  test.setTimeout(480_000)
  await open(page, house)
  await fill(page, house)
  await page.context().storageState({ path: `${house.server.data}/state.json` })
  const total = await page.request.get(`${house.url}/api/v1/usage/total?measures=spend`)
  expect((await total.json()).total.spend).toBe(SPEND)
  for (const width of [320, 1440]) {
    await page.setViewportSize({ width, height: 900 })
    for (const path of [
      '/',
      '/explore?by=account',
      '/explore?by=model',
      '/insights',
      '/events',
      '/exports',
      '/roi',
      `/account/${account(ACCOUNTS - 1)}`,
    ]) {
      await page.goto(house.url + path)
      await expect(page.getByRole('region').first()).toBeVisible()
      await expect(page.getByText('loading')).toHaveCount(0)
      await still(page)
      expect(await brokenLines(page), `${path} at ${width}`).toEqual([])
    }
  }
})

test('any of 10,000 accounts is reached: in a table, by the search, and as the scope', async ({
  browser,
  house,
}) => {
  test.setTimeout(240_000)
  const context = await browser.newContext({ storageState: `${house.server.data}/state.json` })
  const page = await context.newPage()
  // Equal spend is listed by name: this one is behind the 1,000 that a table has.
  const far = account(8_765)
  await page.goto(`${house.url}/explore?by=account`)
  await expect(page.getByText('The 1,000 largest rows, and all others in one')).toBeVisible()
  const table = page.getByRole('table', { name: 'Breakdown' })
  await expect(table.getByRole('link', { name: far })).toHaveCount(0)
  const find = page.getByRole('searchbox', { name: 'Find by how the account begins' })
  await find.fill('ACCT-0876')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/find=ACCT-0876/)
  await table.getByRole('link', { name: far }).click()
  await expect(page.getByRole('heading', { level: 1, name: far })).toBeVisible()

  await page.keyboard.press('/')
  await page.keyboard.type(account(4_321))
  await expect(page.getByRole('option', { name: account(4_321) })).toBeVisible()
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(new RegExp(`/account/${account(4_321)}`))

  await page.goto(house.url)
  await page.getByRole('button', { name: 'All accounts' }).click()
  await page.getByLabel('Find an account').fill(account(9_999))
  await page.getByRole('option', { name: account(9_999) }).click()
  await expect(page).toHaveURL(/account=acct-09999/)
  await context.close()
})
