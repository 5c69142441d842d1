import { execFileSync } from 'node:child_process'
import { expect, settled, test, url } from './fixtures'
import { startServer } from './server'

test('a key is shown once, and an event sent with it is on the page without a reload', async ({
  page,
  request,
}) => {
  await page.goto('/people')
  await page.getByRole('button', { name: 'New key' }).click()
  await page.getByLabel('Name').fill('end to end')
  await page.getByRole('button', { name: 'Make the key' }).click()
  const secret = (await page.getByRole('dialog').locator('pre').first().textContent()) ?? ''
  expect(secret.length).toBeGreaterThan(20)
  await page.getByRole('button', { name: 'I have it' }).click()
  await expect(page.getByText('end to end')).toBeVisible()
  await expect(page.getByText(secret)).toHaveCount(0)

  await page.goto('/')
  await settled(page)
  await expect(page.getByText('Live', { exact: true })).toBeVisible()
  const id = `live-${Date.now()}`
  const event = {
    id,
    source: 'end-to-end',
    account: 'end-to-end',
    provider: 'openai',
    model: 'gpt-4o-mini',
    quantities: { input_tokens: 1_200, output_tokens: 300 },
  }
  const sent = Date.now()
  const response = await request.post(`${url()}/api/v1/events`, {
    headers: { authorization: `Bearer ${secret}` },
    data: event,
  })
  expect(response.ok()).toBe(true)
  const row = page.locator(`[data-event="${id}"]`)
  await row.waitFor()
  test.info().annotations.push({
    type: 'figures',
    description: `${Date.now() - sent} ms from sending to seeing`,
  })
  await expect(row).toContainText('gpt-4o-mini')
  await expect(row).toContainText('1,500')
  await expect(row).toContainText('$')
})

test('a new deployment says how to begin, fills by itself, and finds its server again', async ({
  page,
  complaints,
}) => {
  test.setTimeout(120_000)
  const server = await startServer()
  try {
    await page.context().clearCookies()
    await page.goto(server.link)
    await expect(page.getByRole('heading', { name: 'Nothing has been used yet' })).toBeVisible()
    await expect(page.getByText(`curl ${server.url}/api/v1/events`)).toBeVisible()
    await expect(page.getByText('Live', { exact: true })).toBeVisible()

    await page.getByRole('button', { name: 'Make a key and fill it in' }).click()
    await expect(page.getByText('Bearer olk_')).toBeVisible()
    for (const [language, program] of [
      ['Python', ['python3', '-c']],
      ['Node', ['node', '--input-type=module', '-e']],
      ['OpenTelemetry', ['bash', '-c']],
      ['curl', ['bash', '-c']],
    ] as const) {
      await page.getByText(language, { exact: true }).click()
      const text = await page
        .locator('pre', { hasText: /\/api\/v1\/events|\/v1\/traces/ })
        .innerText()
      const [command, ...before] = program
      execFileSync(command, [...before, text])
    }
    const arrived = page.getByRole('region', { name: 'gpt-4o-mini' })
    await expect(arrived).toContainText('input tokens')
    await expect(arrived).toContainText(/1,200 × \$[\d.]+ per M/)
    await arrived.getByRole('button', { name: 'To the overview' }).click()
    await expect(page.locator('[data-event]')).toHaveCount(4)
    await expect(page.locator('[data-event="first"]')).toBeVisible()

    await server.stop()
    await expect(page.getByText('Reconnecting')).toBeVisible()
    const listen = new URL(server.url).host
    const again = await startServer({ data: server.data, listen })
    await expect(page.getByText('Live', { exact: true })).toBeVisible()
    await again.remove()
  } finally {
    await server.remove()
  }
  // The browser reports that the server was away; it was.
  complaints.splice(0)
})
