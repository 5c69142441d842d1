import { expect, PASSWORD, settled, test, url } from './fixtures'

test('an edited drawer asks before it closes, and an untouched one does not', async ({ page }) => {
  await page.goto('/budgets?edit=new')
  const form = page.getByRole('dialog', { name: 'New budget' })
  await expect(form).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(form).toHaveCount(0)

  await page.goto('/budgets?edit=new')
  await form.getByLabel('Name').fill('Half written')
  await page.keyboard.press('Escape')
  const asking = form.getByRole('alertdialog')
  await expect(asking).toContainText('is not saved')
  await asking.getByRole('button', { name: 'Go on writing' }).click()
  await expect(form.getByLabel('Name')).toHaveValue('Half written')
  await form.getByRole('button', { name: 'Close' }).click()
  await asking.getByRole('button', { name: 'Discard it' }).click()
  await expect(form).toHaveCount(0)
})

test('a key that is shown once is not closed by a slip', async ({ page }) => {
  await page.goto('/people')
  await page.getByRole('button', { name: 'New key' }).click()
  await page.getByLabel('Name').fill('slippery')
  await page.getByRole('button', { name: 'Make the key' }).click()
  const dialog = page.getByRole('dialog', { name: 'New key' })
  await expect(dialog.locator('pre').first()).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(dialog.getByRole('alertdialog')).toContainText('not shown again')
  await dialog.getByRole('button', { name: 'Show it still' }).click()
  await expect(dialog.locator('pre').first()).toBeVisible()
  await dialog.getByRole('button', { name: 'I have it' }).click()
  await expect(dialog).toHaveCount(0)
})

test('the last group can be taken away, and nothing bad is asked for it', async ({ page }) => {
  const refused: string[] = []
  page.on('response', (response) => {
    if (response.status() >= 400) refused.push(response.url())
  })
  await page.goto('/explore?by=provider&sort=-requests')
  await settled(page)
  await expect(page.getByRole('columnheader', { name: 'Requests' })).toHaveAttribute(
    'aria-sort',
    'ascending',
  )
  await page.getByRole('button', { name: 'Requests' }).click()
  await expect(page).toHaveURL(/sort=requests/)
  await page.getByRole('button', { name: 'Do not group by provider' }).click()
  await expect(page).toHaveURL(/by=(&|$)/)
  await settled(page)
  expect(refused).toEqual([])
})

test.describe('somebody with two tabs', () => {
  test.use({ storageState: { cookies: [], origins: [] } })

  test('signs out in one and is out in both', async ({ page, context, complaints }) => {
    await page.goto('/settings')
    await page.getByLabel('User').fill('admin')
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign in' }).click()
    const other = await context.newPage()
    await other.goto(`${url()}/`)
    await settled(other)

    await page.getByRole('button', { name: 'Sign out' }).click()

    await expect(other.getByRole('button', { name: 'Sign in' })).toBeVisible()
    await expect(other.getByText('$')).toHaveCount(0)
    complaints.splice(0)
  })
})
