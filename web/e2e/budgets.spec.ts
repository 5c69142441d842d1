import { expect, test, url } from './fixtures'

test('a budget is made, held against spend, leads to its usage, is changed and removed', async ({
  page,
}) => {
  // Rules are judged every minute.
  test.setTimeout(240_000)
  await page.goto('/budgets')
  await page.getByRole('button', { name: 'New budget' }).click()
  const form = page.getByRole('dialog', { name: 'New budget' })
  await form.getByLabel('Name').fill('OpenAI a month')
  await form.getByLabel('Amount in USD').fill('0.01')
  await form.getByRole('combobox', { name: 'Values' }).fill('openai')
  await page.keyboard.press('Enter')
  await form.getByRole('button', { name: 'Make the budget' }).click()
  await expect(form).toHaveCount(0)

  const row = page.getByRole('row', { name: 'OpenAI a month' })
  await expect(row.getByText(/^Spent on /)).toBeVisible()
  await expect(page.getByText('Days of UTC.')).toBeVisible()
  await expect(row.getByRole('img')).toHaveAccessibleName(/of \$0\.01 spent/)
  const { items } = await (await page.request.get(`${url()}/api/v1/budgets`)).json()
  const kept = items.find(({ name }: { name: string }) => name === 'OpenAI a month')
  expect(kept.scope).toEqual({ provider: ['openai'] })

  await row.getByRole('link', { name: 'OpenAI a month' }).click()
  await expect(page).toHaveURL(/\/explore\?from=.*&provider=openai/)
  await page.goBack()
  await row.getByRole('link', { name: 'openai', exact: true }).click()
  await expect(page).toHaveURL('/provider/openai')
  await page.goBack()

  // What is over its budget is an alert within a minute, and at the next commit.
  await page.getByRole('link', { name: /^Alerts/ }).click()
  const alert = page.getByRole('row', { name: /Critical.*OpenAI a month: .* is spent/ })
  await expect(alert).toBeVisible({ timeout: 120_000 })
  await expect(page.getByRole('link', { name: /^Alerts \d+ open$/ })).toBeVisible()
  await alert.getByRole('button', { name: 'Acknowledge' }).click()
  await expect(alert).toHaveCount(0)
  await page.getByText('Acknowledged', { exact: true }).click()
  await expect(page).toHaveURL(/state=acknowledged/)
  await expect(alert.getByText(/^seen by admin/)).toBeVisible()
  await alert.getByTitle('What is behind it').click()
  await expect(row).toHaveAttribute('aria-current', 'true')

  await row.getByRole('button', { name: 'Edit OpenAI a month' }).click()
  await expect(page).toHaveURL(/edit=/)
  const edit = page.getByRole('dialog', { name: 'Edit the budget' })
  await edit.getByLabel('Amount in USD').fill('1,000,000')
  await edit.getByRole('button', { name: 'Save the budget' }).click()
  await expect(row.getByText('Within budget', { exact: true })).toBeVisible()

  await row.getByRole('button', { name: 'Edit OpenAI a month' }).click()
  await edit.getByRole('button', { name: 'Remove the budget' }).click()
  await edit.getByRole('button', { name: 'Remove it' }).click()
  await expect(row).toHaveCount(0)
})

test('what the server refuses stands at its field', async ({ page, complaints }) => {
  await page.goto('/budgets?edit=new')
  const form = page.getByRole('dialog', { name: 'New budget' })
  await form.getByLabel('Name').fill('Nothing')
  await form.getByLabel('Amount in USD').fill('0')
  await form.getByRole('button', { name: 'Make the budget' }).click()
  const amount = form.getByLabel('Amount in USD')
  await expect(amount).toHaveAccessibleDescription(/more than zero/)
  await expect(amount).toBeFocused()
  // Whoever goes on elsewhere is not called back until the next try.
  await form.getByLabel('Name').fill('Nothing at all')
  await expect(form.getByLabel('Name')).toBeFocused()
  await amount.fill('1,500')
  await form.getByRole('button', { name: 'Make the budget' }).click()
  await expect(amount).toHaveAccessibleDescription(/may be 1500 or 1\.50/)
  await amount.fill('lots')
  await form.getByRole('button', { name: 'Make the budget' }).click()
  await expect(amount).toHaveAccessibleDescription(/Write a number/)
  await expect(amount).toBeFocused()
  // The browser tells of the 400 in its console.
  complaints.length = 0
})
