import type { Page } from '@playwright/test'
import { url } from './fixtures'

/** An account with credit of every kind, in two units, and calls in flight; made once. */
export const CREDITED = 'credited-account'

const GRANTS = [
  { id: 'bought', amount: '50', unit: 'USD', source: 'purchase' },
  {
    id: 'bonus',
    amount: '10.5',
    unit: 'USD',
    source: 'bonus',
    priority: 50,
    expires_at: '2033-01-01T00:00:00Z',
  },
  {
    id: 'plan',
    amount: '25',
    unit: 'USD',
    source: 'plan',
    effective_at: '2032-01-01T00:00:00Z',
    expires_at: '2032-02-01T00:00:00Z',
  },
  { id: 'promotion', amount: '1250000', unit: 'CREDIT', source: 'promotion' },
]

/** Writes with the page's session, as the pages do. */
async function writing(page: Page) {
  const { csrf } = await (await page.request.get(`${url()}/api/v1/session`)).json()
  return async (path: string, data: object) => {
    const headers = { 'x-csrf-token': csrf }
    const response = await page.request.post(`${url()}/api/v1${path}`, { headers, data })
    if (!response.ok()) throw new Error(`${path}: ${await response.text()}`)
  }
}

/** Gives it. What was asked for before, under the same id, is not done again. */
export async function crediting(page: Page) {
  const post = await writing(page)
  for (const grant of GRANTS) await post(`/accounts/${CREDITED}/grants`, grant)
  const call = { account: CREDITED, amount: '2', unit: 'USD', expires_in_seconds: 86_400 }
  await post('/authorize', { ...call, id: 'in flight' })
}
