import { expect, test } from 'vitest'
import { DEFAULT_VIEW, type View } from './view'
import { budgetOfView, leftByBudget, leftByRule, watchLink } from './watch'

const OPENAI: View = {
  ...DEFAULT_VIEW,
  filters: [{ attribute: 'provider', op: 'in', values: ['openai'] }],
}

test('a budget of a view has its filters and the window nearest to its time', () => {
  const window = (period: View['period']) => budgetOfView({ ...OPENAI, period }, 'Chat')

  expect(window({ kind: 'preset', preset: '7d' })).toEqual({
    name: 'Chat',
    filters: OPENAI.filters,
    every: 'rolling',
    days: '7',
  })
  expect(window({ kind: 'preset', preset: 'last-month' })).toMatchObject({ every: 'month' })
  expect(window({ kind: 'custom', from: '2026-01-01', to: '2026-01-31' })).toMatchObject({
    every: 'once',
    first: '2026-01-01',
    last: '2026-01-31',
  })
})

test('what a budget or a rule cannot have is said', () => {
  expect(leftByBudget({ ...OPENAI, by: [] })).toBeNull()
  expect(leftByBudget({ ...OPENAI, by: ['model'], measure: 'tokens' })).toBe(
    'A budget has the view’s filters and its time; it counts spend, not tokens, and it is of all of it together, not by model.',
  )
  expect(leftByRule({ ...OPENAI, by: [] })).toBeNull()
  expect(leftByRule({ ...OPENAI, by: ['tag.feature'] })).toContain('not by tag feature')
})

test('the link to the form has the view and its name', () => {
  const link = new URL(watchLink('/budgets?edit=new', OPENAI, 'Chat & co'), 'http://outlay')

  expect(Object.fromEntries(link.searchParams)).toEqual({
    edit: 'new',
    provider: 'openai',
    of: 'Chat & co',
  })
})
