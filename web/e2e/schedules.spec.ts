import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Page } from '@playwright/test'
import { expect, settled, test, url } from './fixtures'

const SCHEDULES = '/api/v1/export-schedules'

async function headersOf(page: Page) {
  const session = await page.request.get(`${url()}/api/v1/session`)
  return { 'x-csrf-token': (await session.json()).csrf }
}

/** Removes what a test has made, so that the next begins with nothing. */
async function forgetSchedules(page: Page) {
  const headers = await headersOf(page)
  const { items } = await (await page.request.get(`${url()}${SCHEDULES}`)).json()
  for (const { id } of items) await page.request.delete(`${url()}${SCHEDULES}/${id}`, { headers })
}

test.beforeEach(async ({ page }) => {
  await forgetSchedules(page)
  await page.goto('/exports')
  await expect(page.getByText('No file is made by itself yet')).toBeVisible()
})

test('a schedule is made, its file fetched, and both removed', async ({ page }) => {
  await page.getByRole('button', { name: 'Make the first schedule' }).click()
  const form = page.getByRole('dialog', { name: 'New schedule' })
  await form.getByLabel('Name').fill('Nightly events')
  await form.getByLabel('What is written').click()
  await page.getByRole('option', { name: 'Events, as NDJSON' }).click()
  await form.getByLabel('Files to keep').fill('0')
  await form.getByRole('button', { name: 'Make the schedule' }).click()
  await expect(form.getByText('Write how many files to keep, from 1 to 400.')).toBeVisible()
  await form.getByLabel('Files to keep').fill('7')
  await form.getByRole('button', { name: 'Make the schedule' }).click()

  const table = page.getByRole('table', { name: 'Schedules' })
  await expect(table).toContainText('Every day at 06:00, UTC')
  await expect(table).toContainText('None yet')
  await table.getByRole('button', { name: 'Run now: Nightly events' }).click()
  const files = page.getByRole('table', { name: 'Files of Nightly events' })
  await expect(files).toContainText('Made')
  await expect(table).toContainText('1 file')

  const download = page.waitForEvent('download')
  await files.getByRole('link', { name: /^Download the file of/ }).click()
  const saved = await download
  expect(saved.suggestedFilename()).toMatch(/^events_\d{4}-\d\d-\d\d\.ndjson$/)
  const bytes = await readFile(await saved.path())
  const sum = createHash('sha256').update(bytes).digest('hex')
  await expect(files.getByTitle(sum)).toBeVisible()

  await files.getByRole('button', { name: /^Remove the file of/ }).click()
  await files.getByRole('button', { name: 'Keep it' }).click()
  await files.getByRole('button', { name: /^Remove the file of/ }).click()
  await files.getByRole('button', { name: 'Remove it' }).click()
  await expect(files).toContainText('Removed')

  await table.getByRole('button', { name: 'Edit Nightly events' }).click()
  const edit = page.getByRole('dialog', { name: 'Edit the schedule' })
  await edit.getByRole('button', { name: 'Remove the schedule' }).click()
  await expect(edit).toContainText('Its files go with it; the usage stays.')
  await edit.getByRole('button', { name: 'Remove it' }).click()
  await expect(page.getByText('No file is made by itself yet')).toBeVisible()
})

test('a report is of a month, whatever was chosen before', async ({ page }) => {
  await page.getByRole('button', { name: 'New schedule' }).click()
  const form = page.getByRole('dialog', { name: 'New schedule' })
  await form.getByLabel('Name').fill('For the board')
  await form.getByText('Weekly').click()
  await form.getByLabel('What is written').click()
  await page.getByRole('option', { name: 'The report of the month' }).click()
  await expect(form.getByRole('radio', { name: 'Monthly' })).toBeChecked()
  await form.getByLabel('On day').fill('3')
  await form.getByRole('button', { name: 'Make the schedule' }).click()

  const table = page.getByRole('table', { name: 'Schedules' })
  await expect(table).toContainText('The 3rd of every month at 06:00, UTC')
})

test('what somebody else changes appears without a reload', async ({ page }) => {
  const headers = await headersOf(page)
  const schedule = {
    name: 'From elsewhere',
    export: { kind: 'events', format: 'csv' },
    cadence: { every: 'day' },
  }
  await page.request.post(`${url()}${SCHEDULES}`, { headers, data: schedule })
  await expect(page.getByRole('table', { name: 'Schedules' })).toContainText('From elsewhere')

  await page.goto('/budgets')
  await expect(page.getByRole('table', { name: 'Budgets' })).toBeVisible()
  const budget = { name: 'Another’s budget', amount: '7', period: { every: 'month' } }
  const made = await page.request.post(`${url()}/api/v1/budgets`, { headers, data: budget })
  await expect(page.getByRole('table', { name: 'Budgets' })).toContainText('Another’s budget')
  await page.request.delete(`${url()}/api/v1/budgets/${(await made.json()).id}`, { headers })
  await expect(page.getByRole('table', { name: 'Budgets' })).not.toContainText('Another’s budget')

  await page.goto('/')
  await settled(page)
  const view = { name: 'Another’s view', by: ['model'] }
  const kept = await page.request.post(`${url()}/api/v1/views`, { headers, data: view })
  const { id } = await kept.json()
  const pins = { items: [{ view: id, size: 'full' }] }
  await page.request.put(`${url()}/api/v1/pins`, { headers, data: pins })
  const mine = page.getByRole('region', { name: 'My views' })
  await expect(mine).toContainText('Another’s view')
  await page.request.delete(`${url()}/api/v1/views/${id}`, { headers })
  await expect(page.getByText('Another’s view')).toHaveCount(0)

  await page.goto('/explore?period=7d')
  await settled(page)
  const note = { text: 'Another’s note', at: new Date(Date.now() - 86_400_000).toISOString() }
  const written = await page.request.post(`${url()}/api/v1/annotations`, { headers, data: note })
  await expect(page.getByText('Another’s note').first()).toBeAttached()
  const noted = `${url()}/api/v1/annotations/${(await written.json()).id}`
  await page.request.delete(noted, { headers })
  await expect(page.getByText('Another’s note')).toHaveCount(0)
})
