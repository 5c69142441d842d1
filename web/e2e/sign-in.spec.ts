import { expect, PASSWORD, test, url } from './fixtures'

test.describe('somebody not signed in', () => {
  test.use({ storageState: { cookies: [], origins: [] } })

  test('signs in by password and sees the page they asked for', async ({ page, complaints }) => {
    await page.goto('/explore?measure=tokens&by=team')
    await page.getByLabel('User').fill('admin')
    await page.getByLabel('Password', { exact: true }).fill('not the password')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await expect(page.getByRole('alert')).toBeVisible()
    // The browser reports the refusals that were asked for: no session yet, a wrong password.
    complaints.splice(0)

    await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign in' }).click()

    await expect(page.getByRole('heading', { name: 'Tokens, last 30 days' })).toBeVisible()
    expect(page.url()).toBe(`${url()}/explore?measure=tokens&by=team`)
  })

  test('is told what the API tells everybody: nothing', async ({ page, complaints }) => {
    const response = await page.request.get(`${url()}/api/v1/usage/total`)
    expect(response.status()).toBe(401)
    expect(complaints).toEqual([])
  })

  test('who signs out is out', async ({ page, complaints }) => {
    await page.goto('/settings')
    await page.getByLabel('User').fill('admin')
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible()
    await page.reload()
    await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible()
    complaints.splice(0)
  })
})
