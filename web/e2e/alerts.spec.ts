import { expect, test, url } from './fixtures'

test('a rule is made, opens an alert that is resolved, is switched off and removed', async ({
  page,
}) => {
  // Rules are judged every minute.
  test.setTimeout(240_000)
  await page.goto('/alerts')
  await page.getByRole('button', { name: 'New rule' }).click()
  const form = page.getByRole('dialog', { name: 'New rule' })
  await form.getByLabel('Name').fill('A month of anything')
  await form.getByLabel('In how many hours').fill('744')
  await form.getByLabel('From, in USD').fill('0.001')
  await form.getByText('Critical', { exact: true }).click()
  await form.getByRole('button', { name: 'Make the rule' }).click()
  await expect(form).toHaveCount(0)

  const rules = page.getByRole('table', { name: 'Rules' })
  const rule = rules.getByRole('row').filter({ hasText: 'A month of anything' })
  await expect(rule).toContainText('Spend of 744 hours reaches $0.00')
  await expect(rule).toContainText('Critical')

  const open = page.getByRole('table', { name: 'Open alerts' })
  const alert = open.getByRole('row').filter({ hasText: 'A month of anything' })
  await expect(alert).toBeVisible({ timeout: 120_000 })
  await expect(alert.getByText(/^Spend of the last 744 hours is /)).toBeVisible()
  await alert.getByRole('button', { name: 'Snooze' }).click()
  await page.getByRole('button', { name: 'A day' }).click()
  await expect(alert).toContainText(/silent until .* UTC/)
  await alert.getByRole('button', { name: 'Resolve' }).click()
  await expect(alert).toHaveCount(0)

  await rule.getByRole('checkbox', { name: 'Watch A month of anything' }).click()
  await expect(rule).toContainText('off')
  const { items } = await (await page.request.get(`${url()}/api/v1/alert-rules`)).json()
  const kept = items.find(({ name }: { name: string }) => name === 'A month of anything')
  expect(kept).toMatchObject({ enabled: false, severity: 'critical' })

  await rule.getByRole('button', { name: 'Edit A month of anything' }).click()
  const edit = page.getByRole('dialog', { name: 'Edit the rule' })
  await edit.getByRole('button', { name: 'Remove the rule' }).click()
  await edit.getByRole('button', { name: 'Remove it' }).click()
  await expect(rule).toHaveCount(0)
})
