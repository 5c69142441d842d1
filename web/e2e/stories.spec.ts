import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test as base, expect, type Page } from '@playwright/test'
import { build, type PreviewServer, preview } from 'vite'
import { storiesConfig } from '../stories/config'

const WIDTHS = [320, 375, 768, 1440]
const NOW = new Date('2026-11-22T12:00:00Z')

/** The stories of the shared widgets, built once and served by themselves. */
const test = base.extend<object, { stories: string }>({
  stories: [
    // biome-ignore lint/correctness/noEmptyPattern: the runner wants a pattern
    async ({}, use) => {
      const folder = mkdtempSync(join(tmpdir(), 'outlay-stories-'))
      const config = storiesConfig(folder)
      await build(config)
      const server: PreviewServer = await preview({
        ...config,
        preview: { host: '127.0.0.1', port: 0 },
      })
      await use(server.resolvedUrls?.local[0] ?? '')
      await server.close()
      rmSync(folder, { recursive: true, force: true })
    },
    { scope: 'worker' },
  ],
})

const axe = readFileSync(
  resolve(import.meta.dirname, '../node_modules/axe-core/axe.min.js'),
  'utf8',
)

async function findings(page: Page): Promise<string[]> {
  await page.evaluate(axe)
  return page.evaluate(async () => {
    // @ts-expect-error axe is global once its script ran
    const { violations } = await window.axe.run(document, {
      resultTypes: ['violations'],
      // A sheet of stories is no page: it has no title of the first rank, and panels side by side.
      rules: { 'page-has-heading-one': { enabled: false }, region: { enabled: false } },
    })
    return violations.flatMap(({ id, nodes }: { id: string; nodes: { html: string }[] }) =>
      nodes.map((node) => `${id}: ${node.html.slice(0, 160)}`),
    )
  })
}

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of WIDTHS) {
    test.describe(`${colorScheme}, ${width} pixels wide`, () => {
      test.use({ colorScheme, viewport: { width, height: 900 } })

      test('every shared widget looks as it did when somebody last looked at it', async ({
        page,
        stories,
      }) => {
        await page.clock.setFixedTime(NOW)
        await page.goto(stories)
        await expect(page.getByRole('region', { name: 'UsageTable' })).toContainText('anthropic')
        await page.evaluate(() => document.fonts.ready)
        const overflow = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        )
        expect(overflow).toBeLessThanOrEqual(0)
        expect(await findings(page)).toEqual([])
        await expect(page).toHaveScreenshot(`${colorScheme}-${width}.png`, {
          fullPage: true,
          animations: 'disabled',
          caret: 'hide',
          // Another build of the browser draws the edges of letters a little differently.
          maxDiffPixelRatio: 0.002,
        })
      })
    })
  }
}
