import { describe, expect, test } from 'vitest'
import { parseAmount } from './amount'
import {
  addReadings,
  changeOf,
  formatReading,
  formatReadingExactly,
  nothing,
  parseReading,
  shareOf,
} from './measures'

describe('a reading', () => {
  test('of money is exact, of counts a number, of nothing nothing', () => {
    expect(parseReading('spend', '12.345678901')).toBe(12_345_678_901n)
    expect(parseReading('requests', 10)).toBe(10)
    expect(parseReading('seconds', '1.5')).toBe(1.5)
    expect(parseReading('spend', null)).toBe(0n)
    expect(parseReading('latency_p95_ms', null)).toBeNull()
  })

  test('adds to another of its kind', () => {
    expect(addReadings(parseAmount('0.1'), parseAmount('0.2'))).toBe(parseAmount('0.3'))
    expect(addReadings(1, 2)).toBe(3)
    expect(addReadings(null, 2)).toBe(2)
  })

  test('is shown short and exact', () => {
    expect(formatReading('tokens', 12_345, 'USD')).toBe('12.3\u202fK')
    expect(formatReadingExactly('tokens', 12_345, 'USD')).toBe('12,345')
    expect(formatReading('latency_p95_ms', null, 'USD')).toBe('–')
    expect(formatReading('spend', nothing('spend'), 'USD')).toBe('$0.00')
  })
})

describe('a change', () => {
  test('is against its base, in tenths of a percent', () => {
    expect(changeOf(parseAmount('138'), parseAmount('100'))).toBe(380)
    expect(changeOf(parseAmount('50'), parseAmount('100'))).toBe(-500)
    expect(changeOf(parseAmount('100.05'), parseAmount('100'))).toBe(1)
    expect(changeOf(110, 100)).toBe(100)
    expect(changeOf(5, 5)).toBe(0)
  })

  test('from nothing has no percentage', () => {
    expect(changeOf(parseAmount('5'), parseAmount('0'))).toBeNull()
    expect(changeOf(5, 0)).toBeNull()
    expect(changeOf(null, 5)).toBeNull()
  })
})

test('shares are rounded to tenths of a percent', () => {
  expect(shareOf(parseAmount('1'), parseAmount('3'))).toBe(333)
  expect(shareOf(parseAmount('2'), parseAmount('3'))).toBe(667)
  expect(shareOf(1, 0)).toBeNull()
})
