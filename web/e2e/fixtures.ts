import { test as base, expect, type Page } from '@playwright/test'
import { type Amount, formatAmountExactly, parseAmount } from '../src/lib/amount'

export { expect }

/** A password for the first admin, set by the first test. */
export const PASSWORD = 'correct horse battery'

export const url = () => process.env.OUTLAY_E2E_URL ?? ''

/**
 * Pages of somebody signed in. Whatever the browser complains of in its console, a refusal by the
 * content security policy among it, fails the test.
 */
export const test = base.extend<{ complaints: string[] }>({
  // biome-ignore lint/correctness/noEmptyPattern: the runner wants a pattern
  baseURL: async ({}, use) => use(url()),
  storageState: async ({ browserName }, use) => {
    await use(browserName ? process.env.OUTLAY_E2E_STATE : undefined)
  },
  complaints: [
    async ({ page }, use) => {
      const complaints: string[] = []
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning')
          complaints.push(message.text())
      })
      page.on('pageerror', (error) => complaints.push(String(error)))
      await use(complaints)
      expect(complaints).toEqual([])
    },
    { auto: true },
  ],
})

export interface Row extends Record<string, unknown> {
  spend: string
  requests: number
  other?: boolean
}

export interface Answer {
  rows: Row[]
  total: Row
}

/** Asks the API with the page's own session. */
export async function ask(page: Page, path: string): Promise<Answer> {
  const response = await page.request.get(`${url()}/api/v1${path}`)
  expect(response.status(), path).toBe(200)
  return response.json()
}

/** The figure's every digit, which stands in its tooltip. */
export async function exactFigure(page: Page, testId: string): Promise<string | null> {
  return page.getByTestId(testId).locator('.number[title]').first().getAttribute('title')
}

export function exactly(amount: string): string {
  return formatAmountExactly(parseAmount(amount))
}

export function sum(amounts: string[]): Amount {
  return amounts.reduce((total, amount) => total + parseAmount(amount), 0n) as Amount
}

/** The day so many before today in UTC; before 0 those to come. */
export function daysAgo(days: number): string {
  return new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10)
}

/** The last so many days and today's among them, as the API asks for them. */
export function lastDays(count: number): string {
  return `from=${daysAgo(count - 1)}&to=${daysAgo(-1)}&tz=UTC`
}

/** The start of today, of the week and of the month in UTC, as days. */
export function days(now = new Date()) {
  const day = (at: Date) => at.toISOString().slice(0, 10)
  const monday = new Date(now.getTime() - ((now.getUTCDay() + 6) % 7) * 86_400_000)
  return { today: day(now), week: day(monday), month: `${day(now).slice(0, 7)}-01` }
}

/** Waits until the page has its figures and its chart. */
export async function settled(page: Page) {
  await expect(page.getByRole('navigation', { name: 'Pages' })).toBeVisible()
  await expect(page.getByRole('slider').first()).toBeVisible()
  await expect(page.getByText('loading')).toHaveCount(0)
  await expect(page.locator('svg[data-chart]').first()).toBeVisible()
}

/** Waits until nothing moves any more but what moves for ever. */
export async function still(page: Page) {
  await page.evaluate(async () => {
    const ending = document
      .getAnimations()
      .filter(({ effect }) => effect?.getComputedTiming().endTime !== Number.POSITIVE_INFINITY)
    await Promise.allSettled(ending.map(({ finished }) => finished))
  })
}
