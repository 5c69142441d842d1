import { mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Page } from '@playwright/test'
import { advising } from './advice'
import { CREDITED, crediting } from './credit'
import { expect, settled, still, test } from './fixtures'
import { earning } from './revenue'
import { scheduling } from './schedules'

const PAGES = [
  '/',
  '/explore?by=team,model&period=7d',
  '/explore?period=7d&shown=heat',
  '/views',
  '/insights',
  '/roi',
  '/budgets',
  '/budget/demo-all',
  '/alerts',
  '/credits',
  `/credits?account=${CREDITED}`,
  `/account/${CREDITED}`,
  '/prices',
  '/prices?view=unpriced',
  '/events',
  '/model/gpt-4o',
  '/imports',
  '/exports',
  '/exports?schedule=look',
  '/sql',
  '/audit',
  '/people',
  '/settings',
  '/system',
]
const WIDTHS = [320, 375, 768, 1440]
const PHONE = { width: 360, height: 780 }
/** What is left of a screen of 1280 by 1024 at 400 %. */
const MAGNIFIED = { width: 320, height: 256 }
const WIDE = { width: 1920, height: 1080 }

/** The pages that the docs show. */
const PICTURED = {
  overview: '/',
  explore: '/explore?by=team,model&period=30d',
  insights: '/insights',
  budgets: '/budgets',
}

/** Runs of people refresh the pictures in the docs; runs of machines leave the checkout as it is. */
const PICTURES = process.env.CI
  ? resolve(import.meta.dirname, '../test-results/screenshots')
  : resolve(import.meta.dirname, '../../docs/screenshots')
mkdirSync(PICTURES, { recursive: true })

const axe = readFileSync(
  resolve(import.meta.dirname, '../node_modules/axe-core/axe.min.js'),
  'utf8',
)

async function findings(page: Page): Promise<string[]> {
  // Through the debugger, because the page's own policy allows no script but its own.
  await page.evaluate(axe)
  return page.evaluate(async () => {
    // @ts-expect-error axe is global once its script ran
    const { violations } = await window.axe.run(document, { resultTypes: ['violations'] })
    return violations.flatMap(
      ({ id, nodes }: { id: string; nodes: { html: string; failureSummary: string }[] }) =>
        nodes.map((node) => `${id}: ${node.html.slice(0, 160)} ${node.failureSummary}`),
    )
  })
}

/** What does not fit: the page itself, or a card that does not hold what is in it. */
async function tooWide(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement
    const cards = [...document.querySelectorAll('main article')]
    const burst = cards.filter((card) => card.scrollWidth > card.clientWidth)
    return [
      ...(scrollWidth > clientWidth ? [`the page is ${scrollWidth} wide`] : []),
      ...burst.map((card) => `a card does not hold “${card.textContent?.slice(0, 60)}”`),
    ]
  })
}

async function ready(page: Page, path: string) {
  if (path === '/insights') await advising(page)
  if (path === '/roi') await earning(page)
  if (path.includes('schedule=')) await scheduling(page)
  if (path.includes(CREDITED)) await crediting(page)
  await page.goto(path)
  if (path.includes('shown=heat')) await expect(page.getByRole('grid')).toBeVisible()
  else if (path === '/' || /^\/(explore|insights|roi)/.test(path)) await settled(page)
  else {
    await expect(page.getByRole('region').first()).toBeVisible()
    await expect(page.getByText('loading')).toHaveCount(0)
  }
  await still(page)
}

for (const scheme of ['light', 'dark'] as const) {
  test.describe(`in the ${scheme} theme`, () => {
    test.use({ colorScheme: scheme })

    for (const path of PAGES) {
      test(`${path} has no accessibility findings and fits, at any width`, async ({ page }) => {
        for (const width of WIDTHS) {
          await page.setViewportSize({ width, height: 900 })
          await ready(page, path)
          expect(await findings(page), `at ${width}`).toEqual([])
          expect(await tooWide(page), `at ${width}`).toEqual([])
        }
      })
    }

    test('dialogs have none either', async ({ page }) => {
      await ready(page, '/')
      await page.keyboard.press('/')
      await expect(page.getByRole('dialog')).toBeVisible()
      await still(page)
      expect(await findings(page)).toEqual([])
      await page.keyboard.press('Escape')
      await page.getByRole('button', { name: /^Period:/ }).click()
      await expect(page.getByRole('dialog', { name: 'Period' })).toBeVisible()
      await still(page)
      expect(await findings(page)).toEqual([])
    })

    for (const [name, path] of Object.entries(PICTURED)) {
      test(`${name} is pictured`, async ({ page }) => {
        const suffix = scheme === 'light' ? '' : '-dark'
        await ready(page, path)
        await page.screenshot({ path: join(PICTURES, `${name}${suffix}.png`) })
        await page.setViewportSize(PHONE)
        await ready(page, path)
        if (name === 'overview')
          await page.screenshot({ path: join(PICTURES, `${name}-phone${suffix}.png`) })
      })
    }
  })
}

test('nothing stands wider than its screen, magnified four times or very wide', async ({
  page,
}) => {
  test.setTimeout(600_000)
  for (const size of [MAGNIFIED, { width: 1024, height: 768 }, WIDE]) {
    await page.setViewportSize(size)
    for (const path of PAGES) {
      await ready(page, path)
      expect(await tooWide(page), `${path} at ${size.width}`).toEqual([])
    }
  }
})

test('magnified four times, a page is worked by keyboard, and what has the focus is seen', async ({
  page,
}) => {
  await page.setViewportSize(MAGNIFIED)
  await ready(page, '/budgets')
  const focused = page.locator(':focus')
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press('Tab')
    if ((await focused.count()) === 0) break
    await expect(focused).toBeInViewport()
    if ((await focused.textContent()) === 'New budget') break
  }
  await expect(focused).toHaveText('New budget')
  await page.keyboard.press('Enter')
  const form = page.getByRole('dialog', { name: 'New budget' })
  await expect(form.getByLabel('Name')).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(form).toHaveCount(0)
})

test('the rail is a bar at the foot of a phone', async ({ page }) => {
  await page.setViewportSize(PHONE)
  await ready(page, '/')
  const bar = page.getByRole('navigation', { name: 'Pages' })
  await expect(bar.getByRole('listitem')).toHaveText([
    /Overview/,
    /Explore/,
    /Alerts/,
    /Budgets/,
    /More/,
  ])
  const rail = await bar.boundingBox()
  expect(rail?.y).toBeGreaterThan(PHONE.height - 100)
  // A scroll bar may stand beside it.
  expect(rail?.width).toBeGreaterThan(PHONE.width - 20)

  await bar.getByRole('button', { name: 'More' }).click()
  await page
    .getByRole('dialog', { name: 'All pages' })
    .getByRole('link', { name: 'Prices' })
    .click()
  await expect(page.getByRole('heading', { level: 1, name: 'Prices' })).toBeVisible()
  await expect(page.getByRole('dialog')).toHaveCount(0)
})

test('the theme follows the system until somebody chooses, and the choice is kept', async ({
  page,
}) => {
  const theme = () => page.evaluate(() => document.documentElement.dataset.mantineColorScheme)
  await page.emulateMedia({ colorScheme: 'dark' })
  await ready(page, '/')
  expect(await theme()).toBe('dark')
  await page.getByRole('button', { name: 'To the light theme' }).click()
  expect(await theme()).toBe('light')
  await page.reload()
  expect(await theme()).toBe('light')
})

test('the first load is small and quick, and asks nobody but the server', async ({ page }) => {
  const hosts = new Set<string>()
  const scripts: { name: string; bytes: number }[] = []
  page.on('request', (request) => hosts.add(new URL(request.url()).host))
  page.on('response', async (response) => {
    if (response.request().resourceType() !== 'script') return
    const { responseBodySize } = await response.request().sizes()
    scripts.push({ name: response.url(), bytes: responseBodySize })
  })
  await page.goto('/')
  await settled(page)
  expect([...hosts]).toEqual([new URL(page.url()).host])
  const kilobytes = scripts.reduce((sum, { bytes }) => sum + bytes, 0) / 1000
  expect(kilobytes).toBeGreaterThan(50)
  expect(kilobytes, 'KB of compressed script before the first chart').toBeLessThan(300)
  const paint = await page.evaluate(
    () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0,
  )
  test.info().annotations.push({
    type: 'figures',
    description: `${kilobytes.toFixed(0)} KB, first paint ${paint.toFixed(0)} ms`,
  })
})
