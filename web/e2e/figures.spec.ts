import type { Page } from '@playwright/test'
import { expect, settled, test, url } from './fixtures'

const RUNS = 5
/** Fast 4G, as the browser's own tools have it. */
const MOBILE = {
  offline: false,
  downloadThroughput: (9e6 / 8) * 0.9,
  uploadThroughput: (1.5e6 / 8) * 0.9,
  latency: 165,
}

/** Says a figure; a busy machine must not fail a test, so nothing is held against it. */
function say(what: string, figure: string) {
  test.info().annotations.push({ type: 'figures', description: `${what}: ${figure}` })
  process.stdout.write(`    ${what}: ${figure}\n`)
}

function middle(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

/** Notes when the first chart is drawn, in milliseconds from the start of the navigation. */
async function notesFirstChart(page: Page) {
  await page.addInitScript(() => {
    const look = () => {
      if (!document.querySelector('svg[data-chart] path')) return requestAnimationFrame(look)
      requestAnimationFrame(() => performance.mark('first-chart'))
    }
    look()
  })
}

async function firstChart(page: Page): Promise<number> {
  await page.goto('/')
  await settled(page)
  const marked = () => performance.getEntriesByName('first-chart')[0]?.startTime ?? 0
  await expect.poll(() => page.evaluate(marked)).toBeGreaterThan(0)
  return page.evaluate(marked)
}

test('the first chart', async ({ page }) => {
  await notesFirstChart(page)
  const client = await page.context().newCDPSession(page)
  await client.send('Network.enable')
  // Every visit is the first one.
  await client.send('Network.setCacheDisabled', { cacheDisabled: true })
  let bytes = 0
  client.on('Network.loadingFinished', ({ encodedDataLength }) => {
    bytes += encodedDataLength
  })
  const loopback: number[] = []
  for (let run = 0; run < RUNS; run++) {
    bytes = 0
    loopback.push(await firstChart(page))
  }
  const before = await page.evaluate(() => {
    const chart = performance.getEntriesByName('first-chart')[0]?.startTime ?? 0
    const loaded = [
      ...performance.getEntriesByType('navigation'),
      ...performance.getEntriesByType('resource'),
    ] as PerformanceResourceTiming[]
    return loaded
      .filter(({ responseEnd }) => responseEnd <= chart)
      .reduce((sum, { transferSize }) => sum + transferSize, 0)
  })
  say('over the wire before the first chart', `${(before / 1000).toFixed(0)} KB`)
  say('over the wire, first page and its answers', `${(bytes / 1000).toFixed(0)} KB`)
  say('first chart on loopback', `${middle(loopback).toFixed(0)} ms`)

  await client.send('Network.emulateNetworkConditions', MOBILE)
  await client.send('Emulation.setCPUThrottlingRate', { rate: 4 })
  const mobile: number[] = []
  for (let run = 0; run < RUNS; run++) mobile.push(await firstChart(page))
  say('first chart on 4G, processor four times slower', `${middle(mobile).toFixed(0)} ms`)
})

test('from page to page', async ({ page }) => {
  await page.goto('/')
  await settled(page)
  const between = async (name: string, title: string) =>
    page.evaluate(
      async ([link, heading]) => {
        const nav = document.querySelector('nav[aria-label="Pages"]')
        const links = [...(nav?.querySelectorAll('a') ?? [])]
        const begun = performance.now()
        links.find((one) => one.textContent?.startsWith(link ?? ''))?.click()
        const isThere = () =>
          document.querySelector('h1')?.textContent === heading &&
          document.querySelector('main section, main table') !== null
        while (!isThere()) await new Promise(requestAnimationFrame)
        await new Promise(requestAnimationFrame)
        return performance.now() - begun
      },
      [name, title],
    )
  const pages = ['Explore', 'Budgets', 'Prices', 'Events', 'Overview']
  for (const name of pages) {
    await between(name, name)
    await expect(page.getByText('loading')).toHaveCount(0)
  }
  for (const name of pages) {
    const times: number[] = []
    for (let run = 0; run < RUNS; run++) {
      await between(
        name === 'Overview' ? 'Explore' : 'Overview',
        name === 'Overview' ? 'Explore' : 'Overview',
      )
      times.push(await between(name, name))
    }
    say(`warm navigation to ${name}`, `${middle(times).toFixed(0)} ms`)
  }
})

test('an event on the open page', async ({ page }) => {
  await page.goto('/')
  await settled(page)
  await expect(page.getByText('Live', { exact: true })).toBeVisible()
  const { csrf } = await (await page.request.get(`${url()}/api/v1/session`)).json()
  const times: number[] = []
  for (let run = 0; run < RUNS; run++) {
    times.push(
      await page.evaluate(
        async ({ csrf, id }) => {
          const begun = performance.now()
          const shown = new Promise<number>((done) => {
            const look = () => {
              if (!document.querySelector(`[data-event="${id}"]`))
                return requestAnimationFrame(look)
              requestAnimationFrame(() => done(performance.now() - begun))
            }
            look()
          })
          const event = { id, source: 'figures', account: 'figures', provider: 'openai' }
          await fetch('/api/v1/events', {
            method: 'POST',
            headers: { 'content-type': 'application/json', 'x-csrf-token': csrf },
            body: JSON.stringify({ ...event, model: 'gpt-4o', quantities: { input_tokens: 9 } }),
          })
          return shown
        },
        { csrf, id: `figures-${run}` },
      ),
    )
  }
  say('from sending an event to seeing it', `${middle(times).toFixed(0)} ms`)
})
