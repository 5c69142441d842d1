import type { Page } from '@playwright/test'
import { expect, test, url } from './fixtures'

const ledger = (account: string, part: string) =>
  `${url()}/api/v1/accounts/${encodeURIComponent(account)}/${part}`

async function grantsOf(page: Page, account: string): Promise<{ amount: string }[]> {
  return (await (await page.request.get(ledger(account, 'grants'))).json()).items
}

async function headersOf(page: Page) {
  const session = await page.request.get(`${url()}/api/v1/session`)
  return { 'x-csrf-token': (await session.json()).csrf }
}

/** Opens the form on the page of an account that has no credit, and writes ten dollars. */
async function writeTenDollars(page: Page, account: string) {
  await page.goto(`/credits?account=${account}`)
  await expect(page.getByText(`${account} has no credit`)).toBeVisible()
  await page.getByRole('button', { name: 'Give the first credit' }).click()
  const form = page.getByRole('dialog', { name: `Give credit to ${account}` })
  await form.getByLabel('Amount').fill('10')
  await form.getByRole('button', { name: 'Give credit' }).click()
  await expect(form.getByRole('alertdialog')).toContainText(`Give $10.00 to ${account}?`)
  return form
}

test('an admin gives ten dollars, and pressing twice gives them once', async ({ page }) => {
  const account = `twice-${Date.now()}`
  const form = await writeTenDollars(page, account)
  await form.getByRole('button', { name: 'Give $10.00' }).dblclick()

  await expect(form).toHaveCount(0)
  const balance = page.getByRole('region', { name: 'Balance' })
  await expect(balance.getByLabel('Balance in USD')).toContainText('Available$10.00')
  await expect(page.getByRole('table', { name: 'Grants' })).toContainText('of $10.00')
  await expect(page.getByRole('table', { name: 'Ledger' })).toContainText('+$10.00')
  await expect(page.getByRole('table', { name: 'Statement in USD' })).toContainText('Given')
  expect(await grantsOf(page, account)).toHaveLength(1)
})

test('credit whose answer was lost is given once when it is sent again', async ({
  page,
  complaints,
}) => {
  const account = `lost-${Date.now()}`
  const form = await writeTenDollars(page, account)
  // The server gives it, and the page never hears of that.
  await page.route('**/accounts/*/grants', async (route) => {
    if (route.request().method() !== 'POST') return route.continue()
    await route.fetch()
    await route.abort('connectionreset')
  })
  await form.getByRole('button', { name: 'Give $10.00' }).click()
  await expect(form.getByRole('alert')).toContainText('The server cannot be reached')
  expect(await grantsOf(page, account)).toHaveLength(1)

  await page.unroute('**/accounts/*/grants')
  await form.getByRole('button', { name: 'Give credit' }).click()
  await form.getByRole('button', { name: 'Give $10.00' }).click()
  await expect(form).toHaveCount(0)
  const has = page.getByRole('region', { name: 'Balance' }).getByLabel('Balance in USD')
  await expect(has).toContainText('Available$10.00')
  expect(await grantsOf(page, account)).toHaveLength(1)
  complaints.splice(0)
})

test('a balance is put right with a reason, a charge is given back, and the ledger says both', async ({
  page,
}) => {
  const account = `right-${Date.now()}`
  const headers = await headersOf(page)
  const post = (part: string, data: object) =>
    page.request.post(ledger(account, part), { headers, data })
  await post('grants', { id: 'first', amount: '5', unit: 'USD', source: 'bonus' })
  const asked = { id: 'call', account, amount: '2', unit: 'USD' }
  const hold = await page.request.post(`${url()}/api/v1/authorize`, { headers, data: asked })
  const { hold: name } = await hold.json()

  await page.goto(`/credits?account=${account}`)
  const has = page.getByRole('region', { name: 'Balance' }).getByLabel('Balance in USD')
  await expect(has).toContainText('Held$2.00')
  await expect(has).toContainText('Available$3.00')
  await expect(page.getByRole('table', { name: 'Holds' })).toContainText(name)
  await page.request.post(`${url()}/api/v1/holds/${name}/capture`, {
    headers,
    data: { amount: '1.5' },
  })

  await page.getByRole('button', { name: 'Adjust the balance' }).click()
  const form = page.getByRole('dialog', { name: `Adjust the balance of ${account}` })
  await form.getByText('Take', { exact: true }).click()
  await form.getByLabel('Amount').fill('1')
  await form.getByRole('button', { name: 'Adjust the balance' }).click()
  await expect(form.getByText('Write why, for the trail.')).toBeVisible()
  await form.getByLabel('Reason').fill('paid twice')
  await form.getByRole('button', { name: 'Adjust the balance' }).click()
  await expect(form.getByRole('alertdialog')).toContainText('because: paid twice')
  await form.getByRole('button', { name: 'Go back' }).click()
  await expect(form.getByLabel('Reason')).toHaveValue('paid twice')
  await form.getByRole('button', { name: 'Adjust the balance' }).click()
  await form.getByRole('button', { name: 'Take $1.00' }).click()
  await expect(form).toHaveCount(0)
  await expect(has).toContainText('Available$2.50')

  const table = page.getByRole('table', { name: 'Ledger' })
  const line = table.getByRole('row').filter({ hasText: 'Taken from a hold' })
  await line.getByRole('button', { name: 'Refund' }).click()
  const refund = page.getByRole('dialog', { name: /^Refund line/ })
  await refund.getByLabel('Reason').fill('the answer was cut off')
  await refund.getByRole('button', { name: 'Refund' }).click()
  await refund.getByRole('button', { name: 'Give it back' }).click()
  await expect(refund).toHaveCount(0)
  await expect(has).toContainText('Available$4.00')
  await expect(table).toContainText('Adjustment')
  await expect(table.getByRole('row').nth(1)).toContainText('+$1.50')
})

test('the terms of an account are changed, and said', async ({ page }) => {
  const account = `terms-${Date.now()}`
  const data = { id: 'first', amount: '1', unit: 'USD', source: 'bonus' }
  await page.request.post(ledger(account, 'grants'), { headers: await headersOf(page), data })
  await page.goto(`/credits?account=${account}`)
  await page.getByRole('button', { name: 'Change the terms' }).click()
  const form = page.getByRole('dialog', { name: `Terms of ${account}` })
  await form.getByRole('combobox', { name: 'What the balance does not cover' }).click()
  await page.getByRole('option', { name: 'Is owed up to a limit, and refused beyond' }).click()
  await form.getByRole('button', { name: 'Save the terms' }).click()
  await expect(form.getByLabel('Owed at most')).toHaveAccessibleDescription(/Write a number/)
  await form.getByLabel('Owed at most').fill('5')
  await form.getByRole('button', { name: 'Save the terms' }).click()
  await expect(form).toHaveCount(0)
  await expect(page.getByRole('region', { name: 'Balance' })).toContainText('owed up to $5.00')
  const { terms } = await (await page.request.get(ledger(account, 'balance'))).json()
  expect(terms).toMatchObject({ overdraft: 'floor', floor: '5' })
})

test('credit is begun to be given from anywhere, by keyboard, and the account said then', async ({
  page,
}) => {
  const account = `keys & more/${Date.now()}`
  await page.goto('/budgets')
  await expect(page.getByRole('table', { name: 'Budgets' })).toBeVisible()
  await page.keyboard.press('/')
  await page.keyboard.type('give credit')
  await page.keyboard.press('Enter')
  await page.getByLabel('Account', { exact: true }).fill(account)
  await page.keyboard.press('Enter')
  const form = page.getByRole('dialog', { name: `Give credit to ${account}` })
  await form.getByLabel('Amount').fill('2.50')
  await page.keyboard.press('Enter')
  // The harmless answer has the focus: who presses once too often gives nothing.
  await expect(form.getByRole('button', { name: 'Go back' })).toBeFocused()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await expect(form).toHaveCount(0)
  expect(await grantsOf(page, account)).toMatchObject([{ amount: '2.5' }])
})

test('an account is chosen by its name, and its page says what it has', async ({ page }) => {
  const account = `chosen-${Date.now()}`
  const data = { id: 'first', amount: '7', unit: 'USD', source: 'plan' }
  await page.request.post(ledger(account, 'grants'), { headers: await headersOf(page), data })

  await page.goto('/credits')
  await page.getByLabel('Account', { exact: true }).fill(account)
  await page.getByRole('button', { name: 'Show its credit' }).click()
  await expect(page.getByRole('table', { name: 'Grants' })).toContainText('Plan')

  await page.getByRole('main').getByRole('link', { name: account }).click()
  const credit = page.getByRole('region', { name: 'Credit' })
  await expect(credit.getByLabel('Balance in USD')).toContainText('Available$7.00')
  await expect(credit).toContainText('is owed')
  await credit.getByRole('link', { name: 'Grants and ledger' }).click()
  await expect(page).toHaveURL(`/credits?account=${account}`)
})
