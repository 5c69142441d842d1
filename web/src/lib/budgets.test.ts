import { expect, test } from 'vitest'
import type { Budget } from '@/api/budgets'
import { budgetBar, periodText, scopeTexts, stateText, usagePath } from './budgets'

const budget = (status: Partial<Budget['status']>, scope = {}) =>
  ({
    scope,
    status: {
      from: '2026-11-01T00:00:00+01:00',
      to: '2026-12-01T00:00:00+01:00',
      spent: '50',
      available: '100',
      projected: 80,
      projected_low: 70,
      projected_high: 95,
      crossed_on: null,
      state: 'within',
      ...status,
    },
  }) as Budget

test('a bar ends where the longest of its parts does', () => {
  expect(budgetBar(budget({}))).toEqual({
    spent: 0.5,
    projected: 0.8,
    low: 0.7,
    high: 0.95,
    available: 1,
  })
  const over = budgetBar(budget({ spent: '150', projected: 200, projected_high: null }))
  expect(over).toMatchObject({ spent: 0.75, projected: 1, high: null, available: 0.5 })
})

test('times, states and scopes are told in words', () => {
  expect(periodText({ every: 'month' })).toBe('each month')
  expect(periodText({ every: 'rolling', days: 7 })).toBe('last 7 days')
  expect(stateText(budget({ state: 'overrunning', crossed_on: '2026-11-27' }))).toBe(
    'will be spent on 2026-11-27',
  )
  expect(scopeTexts({ provider: ['openai'], 'team!': ['ops'], 'model^': ['gpt-'] })).toEqual([
    'provider: openai',
    'team: all but ops',
    'model: gpt-…',
  ])
})

test('the usage behind a budget has its window and its filters', () => {
  const path = usagePath(budget({}, { provider: ['openai', 'azure'] }))
  expect(decodeURIComponent(path)).toBe(
    '/explore?from=2026-10-31T23:00:00.000Z&to=2026-11-30T23:00:00.000Z&provider=openai,azure',
  )
})
