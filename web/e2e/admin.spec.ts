import { readFile } from 'node:fs/promises'
import { expect, test, url } from './fixtures'

test('an event is found by its id, with what was said of it later', async ({ page }) => {
  const id = `sought-${Date.now()}`
  const event = { id, source: 'end-to-end', account: 'end-to-end', provider: 'openai' }
  const session = await (await page.request.get(`${url()}/api/v1/session`)).json()
  const headers = { 'x-csrf-token': session.csrf }
  const send = async (path: string, data: object) => {
    const answer = await page.request.post(`${url()}/api/v1/events${path}`, { headers, data })
    expect(answer.ok(), await answer.text()).toBe(true)
  }
  await send('', { ...event, model: 'gpt-4o-mini', quantities: { input_tokens: 1_000 } })
  await send('/deletions', { reason: 'sent by a test', events: [{ source: event.source, id }] })

  await page.goto('/events')
  await page.getByLabel('Id', { exact: true }).fill(id)
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(`/events?id=${id}`)
  const rows = page.getByRole('table', { name: 'Events' }).locator(`[data-event="${id}"]`)
  await expect(rows).toHaveCount(2)
  await rows.last().locator('[data-row]').click()
  const story = page.getByRole('dialog', { name: 'Event' }).getByText('What was said of it')
  await expect(story.locator('..')).toContainText(/usage, .*reversal, /)
})

test('events are narrowed by how they ended, and their columns are chosen', async ({ page }) => {
  await page.goto('/events?columns=time,id,status')
  const table = page.getByRole('table', { name: 'Events' })
  await expect(table.getByRole('columnheader')).toHaveText(['Time', 'Id', 'Status'])
  await page
    .getByRole('combobox', { name: 'Status' })
    .or(page.getByRole('textbox', { name: 'Status' }))
    .first()
    .click()
  await page.getByRole('option', { name: 'error' }).click()
  await expect(page).toHaveURL(/status=error/)
  await expect(table.locator('tbody td:last-child').first()).toHaveText('error')
  expect(new Set(await table.locator('tbody td:last-child').allInnerTexts())).toEqual(
    new Set(['error']),
  )
})

test('a query is answered as a table, as bars and as a file, and is remembered', async ({
  page,
}) => {
  await page.goto('/sql')
  await page
    .getByRole('textbox', { name: 'Query' })
    .fill("SELECT 'a' AS name, 2 AS figure UNION ALL SELECT 'b', 1 ORDER BY figure")
  await page.keyboard.press('Control+Enter')
  const answer = page.getByRole('table', { name: 'Answer' })
  await expect(answer.locator('tbody tr')).toHaveText([/b.*1/, /a.*2/])
  await answer.getByRole('button', { name: 'figure' }).click()
  await expect(answer.locator('tbody tr')).toHaveText([/a.*2/, /b.*1/])

  const download = page.waitForEvent('download')
  await page.getByRole('link', { name: 'Save the answer as CSV' }).click()
  const text = await readFile(await (await download).path(), 'utf8')
  expect(text).toBe('name,figure\r\na,2\r\nb,1\r\n')

  await page.getByText('Bars', { exact: true }).click()
  await expect(page.getByRole('list', { name: 'Answer as bars' })).toContainText('a')
  await page.reload()
  await expect(page.getByRole('region', { name: 'Run before' })).toContainText('UNION ALL')
})

test('a query that cannot be answered says why', async ({ page, complaints }) => {
  await page.goto('/sql')
  await page.getByRole('textbox', { name: 'Query' }).fill('SELECT nothing FROM events')
  await page.getByRole('button', { name: 'Run' }).click()
  await expect(page.getByRole('alert')).toContainText(/No field named nothing/)
  complaints.splice(0)
})

test('the trail says who did what, and is narrowed by it', async ({ page }) => {
  await page.goto('/audit?action=user.added')
  const lines = page.getByRole('table', { name: 'Trail' }).locator('tbody tr')
  await expect(lines.first()).toContainText('user added')
  for (const text of await lines.allInnerTexts()) expect(text).toContain('user added')
})

test('what is saved is what the period and the filters say', async ({ page }) => {
  await page.goto('/exports?period=yesterday&provider=openai')
  const events = page.getByRole('link', { name: 'Save the events' })
  await expect(events).toHaveAttribute('href', /exports\/events\?.*format=csv.*provider=openai/)
  await page.getByText('Parquet').first().click()
  await expect(events).toHaveAttribute('href', /format=parquet/)
  const charges = await page.getByRole('link', { name: 'Save the charges' }).getAttribute('href')
  const file = await page.request.get(`${url()}${charges}`)
  expect(file.status()).toBe(200)
  expect(await file.text()).toContain('BilledCost')
  const report = await page.getByRole('link', { name: 'Open the report' }).getAttribute('href')
  expect((await page.request.get(`${url()}${report}`)).headers()['content-type']).toContain('html')
})
