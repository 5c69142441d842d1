import { describe, expect, it } from 'vitest'
import type { Budget, BudgetStatus } from '@/wire'
import {
  barLayout,
  budgetAhead,
  byUrgency,
  crossingWords,
  daysLeft,
  draftOf,
  emptyForm,
  formOf,
  periodWords,
  usageBehind,
  usedShare,
} from './budgets'
import { type Refusal, wordsFor } from './refusal'
import type { Day } from './time'

const NOW = new Date('2026-11-21T10:00:00Z')
const TODAY = '2026-11-21' as Day

const STATUS: BudgetStatus = {
  from: '2026-11-01T00:00:00Z',
  to: '2026-12-01T00:00:00Z',
  carried: '0',
  available: '200',
  spent: '100',
  captured: '0',
  held: '0',
  remaining: '100',
  percent: 50,
  daily: 4.9,
  projected: 150,
  projected_low: 140,
  projected_high: 170,
  crossed_on: null,
  state: 'within',
  reached: [],
}

function budget(changed: Partial<Budget> = {}, status: Partial<BudgetStatus> = {}): Budget {
  return {
    id: 'b',
    name: 'Research',
    scope: {},
    amount: '200',
    period: { every: 'month' },
    tz: 'UTC',
    enforcement: 'soft',
    thresholds: [{ percent: 80, basis: 'actual' }],
    carries_over: false,
    imported: false,
    error: null,
    ...changed,
    status: { ...STATUS, ...status },
  }
}

describe('a bar', () => {
  it('is as wide as the budget while all of it fits', () => {
    const layout = barLayout(budget())

    expect(layout).toMatchObject({ spent: 50, limit: 100, projected: 75, range: [70, 85] })
    expect(layout.ticks).toEqual([{ percent: 80, basis: 'actual', at: 80, isReached: false }])
  })

  it('reaches as far as the forecast where that is more', () => {
    const layout = barLayout(
      budget({}, { projected: 300, projected_low: 250, projected_high: 400 }),
    )

    expect(layout).toMatchObject({ spent: 25, limit: 50, projected: 75, range: [62.5, 100] })
    expect(layout.ticks[0]?.at).toBe(40)
  })

  it('counts what was captured without an event, and not what is only held', () => {
    const layout = barLayout(budget({}, { captured: '20', held: '60' }))

    expect(layout.spent).toBe(60)
  })

  it('keeps the budget in sight when ten times as much was spent', () => {
    const layout = barLayout(budget({}, { spent: '2000', projected: null, projected_low: null }))

    expect(layout).toMatchObject({
      spent: 100,
      limit: 50,
      projected: null,
      range: null,
      isCut: true,
    })
  })

  it('draws no forecast below what is spent already', () => {
    const layout = barLayout(budget({}, { projected: 90, projected_low: 80, projected_high: 120 }))

    expect(layout).toMatchObject({ spent: 50, projected: 50, range: [50, 60] })
  })

  it('marks the thresholds that are reached', () => {
    const reached = [{ percent: 80, basis: 'actual' as const }]

    expect(barLayout(budget({}, { reached })).ticks[0]?.isReached).toBe(true)
  })
})

describe('words', () => {
  it('say when the money is gone', () => {
    const crossed_on = '2026-11-27' as Day

    expect(crossingWords(budget({}, { state: 'spent', crossed_on }), NOW)).toBe('Spent on 27 Nov')
    expect(crossingWords(budget({}, { state: 'overrunning', crossed_on }), NOW)).toBe(
      'Will be spent on 27 Nov',
    )
    expect(crossingWords(budget(), NOW)).toBe('Within budget to the end')
    expect(crossingWords(budget({}, { projected: null }), new Date('2026-12-02'))).toBe('Ended')
    expect(crossingWords(budget({}, { projected: null }), NOW)).toBe('Too early to say')
    expect(crossingWords(budget({}, { projected: null }), new Date('2026-10-02'))).toBe(
      'Not begun yet',
    )
  })

  it('say the day of the budget’s zone', () => {
    const there = budget({ tz: 'Pacific/Auckland' }, { state: 'spent', crossed_on: TODAY })

    expect(crossingWords(there, NOW)).toBe('Spent on 21 Nov')
  })

  it('name the period', () => {
    expect(periodWords({ every: 'quarter' })).toBe('Every quarter')
    expect(periodWords({ every: 'rolling', days: 7 })).toBe('The last 7 days, rolling')
    expect(periodWords({ every: 'rolling', days: 1 })).toBe('Today, rolling')
  })
})

it('counts the days left with the running one, and none where the window rolls', () => {
  expect(daysLeft(budget(), NOW)).toBe(10)
  expect(daysLeft(budget({ period: { every: 'rolling', days: 7 } }), NOW)).toBeNull()
})

it('counts all days of a window that has not begun', () => {
  const december = { from: '2026-12-01T00:00:00Z', to: '2027-01-01T00:00:00Z' }

  expect(daysLeft(budget({}, december), NOW)).toBe(31)
})

it('says that all is spent only when it is', () => {
  expect(usedShare(99.95)).toBe('99\u202f%')
  expect(usedShare(66.67)).toBe('66\u202f%')
  expect(usedShare(4.29)).toBe('4.2\u202f%')
  expect(usedShare(100)).toBe('100\u202f%')
  expect(usedShare(13957.9)).toBe('13,957\u202f%')
})

it('puts first what needs somebody', () => {
  const within = budget({ id: 'within' })
  const fuller = budget({ id: 'fuller' }, { percent: 70 })
  const spent = budget({ id: 'spent' }, { state: 'spent' })
  const heading = budget({ id: 'heading' }, { state: 'overrunning' })

  const order = byUrgency([within, fuller, heading, spent]).map(({ id }) => id)

  expect(order).toEqual(['spent', 'heading', 'fuller', 'within'])
})

it('links to exactly the usage that counts', () => {
  const scope = { provider: ['openai'], 'model^': ['gpt-4'], 'team!': [''] }
  const view = usageBehind(budget({ scope, tz: 'Europe/Berlin' }), 'UTC')

  expect(view.period).toEqual({ kind: 'custom', from: '2026-11-01', to: '2026-11-30' })
  expect(view.tz).toBe('Europe/Berlin')
  expect(view.filters).toEqual([
    { attribute: 'provider', op: 'in', values: ['openai'] },
    { attribute: 'model', op: 'prefix', values: ['gpt-4'] },
    { attribute: 'team', op: 'not', values: [''] },
  ])
})

describe('a form', () => {
  it('gives back the budget that it was filled from', () => {
    const scope = { provider: ['openai'], 'model^': ['gpt-4'] }
    for (const period of [
      { every: 'week' },
      { every: 'rolling', days: 9 },
      { every: 'once', first: '2026-01-01', last: '2026-02-01' },
    ] as Budget['period'][]) {
      const { id: _, imported: __, status: ___, error: ____, ...draft } = budget({ scope, period })

      expect(draftOf(formOf(budget({ scope, period }), TODAY))).toEqual(draft)
    }
  })

  it('says at its field what is no amount, and takes one with commas', () => {
    const form = { ...emptyForm('UTC', TODAY), name: 'All' }

    expect(draftOf({ ...form, amount: 'much' })).toMatchObject({ field: 'amount' })
    expect(draftOf({ ...form, amount: '' })).toMatchObject({ field: 'amount' })
    expect(draftOf({ ...form, amount: ' 1,250.50 ' })).toMatchObject({ amount: '1250.5' })
    expect(draftOf({ ...form, amount: '1,50' })).toMatchObject({ amount: '1.5' })
    expect(draftOf({ ...form, amount: '1,500' })).toMatchObject({ field: 'amount' })
  })

  it('takes no part of a day or of a percent', () => {
    const form = { ...emptyForm('UTC', TODAY), name: 'All', amount: '5' }
    const halves = [{ percent: '1,50', basis: 'actual' as const }]

    expect(draftOf({ ...form, every: 'rolling', days: '1,5' })).toMatchObject({
      field: 'period.days',
    })
    expect(draftOf({ ...form, thresholds: halves })).toMatchObject({ field: 'thresholds' })
  })

  it('says at every field at once what is missing', () => {
    const refusal = draftOf(emptyForm('UTC', TODAY)) as Refusal

    expect(wordsFor(refusal, 'name')).toBe('Write what people call it.')
    expect(wordsFor(refusal, 'amount')).toMatch(/^Write a number/)
    expect(wordsFor(refusal, 'period.days')).toBeUndefined()
    expect(wordsFor({ field: 'thresholds[1].percent', words: 'x' }, 'thresholds')).toBe('x')
  })

  it('carries nothing over where windows do not follow each other', () => {
    const form = { ...emptyForm('UTC', TODAY), name: 'All', amount: '5', carriesOver: true }

    expect(draftOf(form)).toMatchObject({ carries_over: true })
    expect(draftOf({ ...form, every: 'rolling' })).toMatchObject({ carries_over: false })
    expect(draftOf({ ...form, every: 'once', last: '' })).toMatchObject({ field: 'period.last' })
  })
})

it('shares the forecast of a budget among the days to come, in the shape of single days', () => {
  const days = ['2026-11-22', '2026-11-23', '2026-11-24'] as Day[]
  const status = { ...STATUS, spent: '10', projected: 40, projected_low: 30, projected_high: 55 }
  const shape = new Map(days.map((day, at) => [day, [1, 3, 6][at] ?? 0] as const))

  expect(budgetAhead(status, days, shape).days).toEqual([3, 9, 18])
  expect(budgetAhead(status, days, new Map()).days).toEqual([10, 10, 10])
  expect(budgetAhead({ ...status, projected: null }, days, shape).expected).toBeNull()
})
