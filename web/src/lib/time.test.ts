import { describe, expect, test } from 'vitest'
import {
  addDays,
  addMonths,
  bucketStarts,
  type Day,
  dayOf,
  fittingEvery,
  formatAgo,
  formatBucketInFull,
  formatMoment,
  formatOffset,
  isDay,
  isZone,
  momentOf,
  possibleEvery,
  startOfDay,
  startOfWeek,
} from './time'

const BERLIN = 'Europe/Berlin'
const day = (text: string) => text as Day
const at = (text: string) => new Date(text)

describe('a wall clock', () => {
  test('names the day that it is there', () => {
    expect(dayOf(at('2025-06-30T22:30:00Z'), BERLIN)).toBe('2025-07-01')
    expect(dayOf(at('2025-06-30T22:30:00Z'), 'America/New_York')).toBe('2025-06-30')
  })

  test('is read back into the moment it shows', () => {
    expect(startOfDay(day('2025-07-01'), BERLIN).toISOString()).toBe('2025-06-30T22:00:00.000Z')
    expect(startOfDay(day('2025-01-01'), BERLIN).toISOString()).toBe('2024-12-31T23:00:00.000Z')
    expect(startOfDay(day('2025-01-01'), 'Asia/Kathmandu').toISOString()).toBe(
      '2024-12-31T18:15:00.000Z',
    )
  })

  test('skips an hour in spring and has one twice in autumn', () => {
    const skipped = momentOf(Date.parse('2025-03-30T02:30:00Z'), BERLIN)
    expect(skipped.toISOString()).toBe('2025-03-30T01:30:00.000Z')
    const twice = momentOf(Date.parse('2025-10-26T02:30:00Z'), BERLIN)
    expect(twice.toISOString()).toBe('2025-10-26T00:30:00.000Z')
  })
})

describe('calendar days', () => {
  test('move by days and months', () => {
    expect(addDays(day('2024-02-28'), 2)).toBe('2024-03-01')
    expect(addMonths(day('2025-01-31'), 1)).toBe('2025-02-28')
    expect(addMonths(day('2025-01-15'), -2)).toBe('2024-11-15')
    expect(startOfWeek(day('2025-09-07'))).toBe('2025-09-01')
    expect(startOfWeek(day('2025-09-01'))).toBe('2025-09-01')
  })

  test('are told from other text', () => {
    expect(isDay('2025-02-28')).toBe(true)
    expect(isDay('2025-02-30')).toBe(false)
    expect(isDay('2025-02-28T00:00:00Z')).toBe(false)
  })
})

describe('buckets', () => {
  test('of days are 23 and 25 hours long where the clocks change', () => {
    const range = { from: at('2025-03-28T23:00:00Z'), to: at('2025-03-31T22:00:00Z') }
    expect(bucketStarts(range, 'day', BERLIN).map((start) => start.toISOString())).toEqual([
      '2025-03-28T23:00:00.000Z',
      '2025-03-29T23:00:00.000Z',
      '2025-03-30T22:00:00.000Z',
    ])
  })

  test('of hours follow the zone, also where it is not whole hours away', () => {
    const range = { from: at('2025-01-01T00:10:00Z'), to: at('2025-01-01T02:00:00Z') }
    const starts = bucketStarts(range, 'hour', 'Asia/Kathmandu')
    expect(starts.map((start) => start.toISOString().slice(11, 16))).toEqual([
      '23:15',
      '00:15',
      '01:15',
    ])
  })

  test('of months and weeks begin with the first and with Monday', () => {
    const range = { from: at('2025-01-15T00:00:00Z'), to: at('2025-03-02T00:00:00Z') }
    const days = (every: 'month' | 'week') =>
      bucketStarts(range, every, 'UTC').map((start) => start.toISOString().slice(0, 10))
    expect(days('month')).toEqual(['2025-01-01', '2025-02-01', '2025-03-01'])
    expect(days('week').slice(0, 2)).toEqual(['2025-01-13', '2025-01-20'])
  })

  test('are as wide as fits the range', () => {
    const range = (days: number) => ({ from: new Date(0), to: new Date(days * 86_400_000) })
    expect([1, 30, 200, 800].map((days) => fittingEvery(range(days)))).toEqual([
      'hour',
      'day',
      'week',
      'month',
    ])
    expect(possibleEvery(range(1))).toEqual(['hour', 'day'])
    expect(possibleEvery(range(400))).not.toContain('hour')
  })
})

describe('words for times', () => {
  test('say the moment, the bucket and the zone', () => {
    expect(formatMoment(at('2025-09-03T12:32:07Z'), BERLIN)).toBe('3 Sep 2025, 14:32:07 UTC+02:00')
    expect(formatBucketInFull(at('2025-09-03T12:00:00Z'), 'hour', 'UTC')).toBe(
      'Wed 3 Sep 2025, 12:00–13:00',
    )
    expect(formatOffset(at('2025-09-03T12:00:00Z'), BERLIN)).toBe('UTC+02:00')
    expect(formatOffset(at('2025-09-03T12:00:00Z'), 'UTC')).toBe('UTC')
    expect(formatOffset(at('2025-01-03T12:00:00Z'), 'America/St_Johns')).toBe('UTC−03:30')
  })

  test('say how long ago', () => {
    const now = at('2025-09-03T12:00:00Z')
    expect(formatAgo(at('2025-09-03T11:59:58Z'), now)).toBe('just now')
    expect(formatAgo(at('2025-09-03T11:59:20Z'), now)).toBe('40 s ago')
    expect(formatAgo(at('2025-09-03T09:00:00Z'), now)).toBe('3 h ago')
  })
})

test('a zone is one that the browser knows', () => {
  expect(isZone(BERLIN)).toBe(true)
  expect(isZone('Mars/Olympus')).toBe(false)
})
