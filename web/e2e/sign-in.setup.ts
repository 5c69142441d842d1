import { test as setup } from '@playwright/test'
import { expect, PASSWORD } from './fixtures'

setup('the printed link signs in once, and a password can be set', async ({ page, browser }) => {
  const link = process.env.OUTLAY_E2E_LINK ?? ''
  await page.goto(link)
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeAttached()
  expect(new URL(page.url()).pathname).toBe('/')
  expect(page.url()).not.toContain('token')

  await page.goto('/settings'.replace(/^/, new URL(link).origin))
  await page.getByRole('button', { name: 'Set a password' }).click()
  await page.getByLabel('New password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Set it' }).click()
  await expect(page.getByText('Your password is changed.')).toBeVisible()
  await page.context().storageState({ path: process.env.OUTLAY_E2E_STATE })

  const stranger = await browser.newContext()
  const again = await stranger.newPage()
  await again.goto(link)
  await expect(again.getByRole('alert')).toContainText('used already or is too old')
  await stranger.close()
})

setup('the demo has a member to sign in as', async ({ page }) => {
  await page.goto(process.env.OUTLAY_E2E_MEMBER_LINK ?? '')
  await expect(page.getByRole('heading', { level: 1, name: 'My usage' })).toBeAttached()
  await page.context().storageState({ path: process.env.OUTLAY_E2E_MEMBER_STATE })
})
