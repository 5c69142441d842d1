import { expect, test } from 'vitest'
import { type Amount, parseAmount } from './amount'
import { budgetWords, monthDays } from './month'

const starts = [1, 2, 3, 4].map((day) => new Date(Date.UTC(2026, 10, day)))
const money = (text: string) => parseAmount(text)
const daily = [money('1'), money('2'), money('0.5'), money('0')]

test('days that were are summed exactly, and those to come add what is expected', () => {
  const days = monthDays(starts, daily, 2, { expected: 6, low: 5, high: 8, days: [0.5, 2] })

  expect(days.map(({ spent }) => spent)).toEqual([money('1'), money('3'), money('3.5'), null])
  expect(days.map(({ expected }) => expected)).toEqual([null, null, 4, 6])
})

test('the cone opens to what the server says of the end, and never below what is spent', () => {
  const days = monthDays(starts, daily, 2, { expected: 6, low: 0, high: 8, days: [0.5, 2] })

  expect(days.at(-1)?.high).toBeCloseTo(8)
  expect(days.at(-1)?.low).toBe(3.5)
  const width = (at: number) => (days[at]?.high ?? 0) - (days[at]?.expected ?? 0)
  expect(width(2)).toBeCloseTo(2 * Math.sqrt(0.5))
})

test('without a forecast there are only the days that were', () => {
  const days = monthDays(starts, daily, 2, { expected: null, low: null, high: null, days: [] })

  expect(days.every(({ expected, high }) => expected === null && high === null)).toBe(true)
})

test('a budget is spent, headed over, or kept', () => {
  const budget = { id: 'b', name: 'All', available: '5' }

  expect(budgetWords(5_000_000_000n as Amount, { expected: 9, budget })).toBe('over')
  expect(budgetWords(money('3'), { expected: 6, budget })).toBe('heading over')
  expect(budgetWords(money('3'), { expected: 4, budget })).toBe('within')
  expect(budgetWords(money('3'), { expected: null, budget })).toBe('within')
  expect(budgetWords(money('3'), { expected: 6, budget: null })).toBeNull()
})
