import { expect, test, url } from './fixtures'

test('a budget is made, shown with its forecast, leads to its usage, is changed and removed', async ({
  page,
}) => {
  await page.goto('/budgets')
  await page.getByRole('button', { name: 'New budget' }).click()
  const form = page.getByRole('dialog', { name: 'New budget' })
  await form.getByLabel('Name').fill('OpenAI a month')
  await form.getByLabel('Amount in USD').fill('1')
  await form.getByRole('combobox', { name: 'Values' }).fill('openai')
  await page.keyboard.press('Enter')
  await form.getByRole('button', { name: 'Make the budget' }).click()
  await expect(form).toHaveCount(0)

  const row = page.getByRole('listitem', { name: 'OpenAI a month' })
  await expect(row.getByText('Spent', { exact: true }).first()).toBeVisible()
  await expect(row.getByRole('img')).toHaveAccessibleName(/of \$1\.00 spent/)
  const answer = await (await page.request.get(`${url()}/api/v1/budgets`)).json()
  const kept = answer.items.find(({ name }: { name: string }) => name === 'OpenAI a month')
  expect(kept.scope).toEqual({ provider: ['openai'] })

  await row.getByRole('link', { name: 'Provider is openai' }).click()
  await expect(page).toHaveURL(/\/explore\?from=.*&provider=openai/)
  await page.goBack()

  await row.getByRole('button', { name: 'Edit OpenAI a month' }).click()
  await expect(page).toHaveURL(/edit=/)
  const edit = page.getByRole('dialog', { name: 'Edit the budget' })
  await edit.getByLabel('Amount in USD').fill('1000000')
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
  await expect(form.getByLabel('Amount in USD')).toHaveAccessibleDescription(/more than zero/)
  // The browser says the 400 in its console.
  complaints.length = 0
})
