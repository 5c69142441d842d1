import { expect, test } from './fixtures'

test('a budget is made, held against spend, and removed', async ({ page }) => {
  test.setTimeout(90_000)
  await page.goto('/budgets')
  await page.getByRole('button', { name: 'New budget' }).click()
  const form = page.getByRole('dialog', { name: 'New budget' })
  await form.getByLabel('Name').fill('Everything')
  await form.getByLabel('Amount, $').fill('0.01')
  await form.getByRole('button', { name: 'Make the budget' }).click()
  const card = page.getByRole('region', { name: 'Everything' })
  await expect(card.getByText(/^spent on /)).toBeVisible()

  // What is over its budget is an alert within a minute, and at the next commit.
  await page.getByRole('link', { name: 'Alerts' }).click()
  const alert = page.getByRole('listitem').filter({ hasText: /Everything: .* is spent/ })
  await expect(alert).toBeVisible({ timeout: 75_000 })
  await alert.getByRole('button', { name: 'Acknowledge' }).click()
  await expect(alert.getByText(/seen by/)).toBeVisible()

  await page.getByRole('link', { name: 'Budgets' }).click()
  await card.getByRole('button', { name: 'Remove Everything' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
  await expect(card).toHaveCount(0)
})
