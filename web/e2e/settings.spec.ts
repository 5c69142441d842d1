import { expect, test, url } from './fixtures'

test('a member sees their own account only, and no users', async ({ page, browser }) => {
  await page.goto('/people')
  await page.getByRole('button', { name: 'New user' }).click()
  const form = page.getByRole('dialog', { name: 'New user' })
  await form.getByLabel('User', { exact: true }).fill('maria')
  await form.getByLabel('Account').fill('acme')
  await form.getByLabel('Password', { exact: true }).fill('a long enough password')
  await form.getByRole('button', { name: 'Add the user' }).click()
  await expect(
    page.getByRole('region', { name: 'Users' }).getByRole('rowheader', { name: /maria/ }),
  ).toBeVisible()

  const context = await browser.newContext({
    baseURL: url(),
    storageState: { cookies: [], origins: [] },
  })
  const member = await context.newPage()
  await member.goto('/people')
  await member.getByLabel('User').fill('maria')
  await member.getByLabel('Password', { exact: true }).fill('a long enough password')
  await member.getByRole('button', { name: 'Sign in' }).click()
  await expect(member.getByRole('region', { name: 'API keys' })).toBeVisible()
  await expect(member.getByRole('region', { name: 'Users' })).toHaveCount(0)
  await member.goto('/')
  await expect(member.getByTitle('You see your own account.')).toContainText('acme')
  const { rows } = await (
    await member.request.get(
      `${url()}/api/v1/usage/breakdown?by=account&from=2020-01-01&to=2100-01-01`,
    )
  ).json()
  for (const row of rows) expect(row.account).toBe('acme')
  await expect(member.getByText('"account": "acme"')).toBeVisible()
  const pages = member.getByRole('navigation', { name: 'Pages' })
  await expect(pages).toContainText('My usage')
  await expect(pages).toContainText('My alerts')
  await expect(pages).not.toContainText('System')
  await member.goto('/system')
  await expect(member.getByText('There is no such page')).toBeVisible()
  await member.goto('/budgets')
  await expect(member.getByText('There is no budget for acme yet')).toBeVisible()
  await context.close()
})

test('a revoked key is gone', async ({ page }) => {
  await page.goto('/people')
  await page.getByRole('button', { name: 'New key' }).click()
  await page.getByLabel('Name').fill('short-lived')
  await page.getByRole('button', { name: 'Make the key' }).click()
  const secret = (await page.getByRole('dialog').locator('pre').first().textContent()) ?? ''
  await page.getByRole('button', { name: 'I have it' }).click()
  await page.getByRole('button', { name: 'Revoke short-lived' }).click()
  await page.getByRole('button', { name: 'Revoke it' }).click()
  await expect(page.getByText('short-lived')).toHaveCount(0)
  const response = await page.request.fetch(`${url()}/api/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, cookie: '' },
    data: { id: 'x', source: 'x', account: 'x', provider: 'openai' },
  })
  expect(response.status()).toBe(401)
})
