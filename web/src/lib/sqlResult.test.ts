import { expect, test } from 'vitest'
import { cellOrder, cellText, isFigure, resultBars, withQuery } from './sqlResult'

const model = { name: 'model', type: 'Utf8', description: '' }
const spend = { name: 'spend', type: 'Decimal128(38, 9)', description: '' }
const rows = [
  { model: 'gpt-4o', spend: '12.500000001' },
  { model: null, spend: '25.0' },
]

test('figures are told from words by their type', () => {
  expect(
    ['Int64', 'UInt8', 'Float64', 'Decimal128(38, 9)'].every((type) => isFigure({ type })),
  ).toBe(true)
  expect(isFigure({ type: 'Utf8' })).toBe(false)
  expect(isFigure({ type: 'Timestamp(µs, "UTC")' })).toBe(false)
})

test('a cell keeps every digit, and what is no text is told as one', () => {
  expect(cellText('12.500000001')).toBe('12.500000001')
  expect(cellText(null)).toBeNull()
  expect(cellText(true)).toBe('true')
  expect(cellText({ a: [1] })).toBe('{"a":[1]}')
})

test('figures are ordered as figures though they come as texts', () => {
  expect(cellOrder(spend, { spend: '9' })).toBe(9)
  expect(cellOrder(model, { model: '9' })).toBe('9')
  expect(cellOrder(model, rows[1] ?? {})).toBeNull()
})

test('bars are of the first name by the first figure, the longest whole', () => {
  expect(resultBars({ columns: [model, spend], rows })).toEqual([
    { label: 'gpt-4o', value: 12.500000001, part: 12.500000001 / 25 },
    { label: 'not set', value: 25, part: 1 },
  ])
  expect(resultBars({ columns: [model], rows })).toEqual([])
  expect(resultBars({ columns: [spend], rows })).toEqual([])
})

test('a query that is run again comes first, once', () => {
  expect(withQuery(['a', 'b', 'c'], ' b ', 2)).toEqual(['b', 'a'])
})
