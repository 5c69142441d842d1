import { describe, expect, test } from 'vitest'
import {
  alignedLabel,
  alignedRange,
  isRunning,
  type Period,
  type Preset,
  previousLabel,
  previousRange,
  previousUpToNow,
  rangeLabel,
  rangeOf,
} from './period'
import { addDays, type Day, dayOf, daysBetween, type Range } from './time'

const preset = (name: Preset): Period => ({ kind: 'preset', preset: name })
const shown = (range: Range) => [range.from, range.to].map((at) => at.toISOString().slice(0, 16))

/** A Wednesday. */
const NOW = new Date('2025-09-17T14:30:00Z')

describe('a preset', () => {
  test.each([
    ['today', '2025-09-17T00:00', '2025-09-18T00:00'],
    ['7d', '2025-09-11T00:00', '2025-09-18T00:00'],
    ['week', '2025-09-15T00:00', '2025-09-22T00:00'],
    ['month', '2025-09-01T00:00', '2025-10-01T00:00'],
    ['last-month', '2025-08-01T00:00', '2025-09-01T00:00'],
    ['year', '2025-01-01T00:00', '2026-01-01T00:00'],
    ['12m', '2024-10-01T00:00', '2025-10-01T00:00'],
  ] as const)('%s spans %s to %s', (name, from, to) => {
    expect(shown(rangeOf(preset(name), NOW, 'UTC'))).toEqual([from, to])
  })

  test('follows the calendar of the zone', () => {
    const late = new Date('2025-09-30T22:30:00Z')
    expect(shown(rangeOf(preset('month'), late, 'Europe/Berlin'))).toEqual([
      '2025-09-30T22:00',
      '2025-10-31T23:00',
    ])
  })
})

describe('the previous range', () => {
  test.each([
    ['today', '2025-09-10T00:00', '2025-09-10T14:30'],
    ['week', '2025-09-08T00:00', '2025-09-10T14:30'],
    ['month', '2025-08-01T00:00', '2025-08-17T14:30'],
    ['30d', '2025-07-22T00:00', '2025-08-20T14:30'],
    ['last-month', '2025-07-01T00:00', '2025-08-01T00:00'],
  ] as const)('of %s stops at the same moment', (name, from, to) => {
    expect(shown(previousUpToNow(preset(name), NOW, 'UTC'))).toEqual([from, to])
  })

  test('does not run into the next month on the 31st', () => {
    const now = new Date('2025-03-31T12:00:00Z')
    expect(shown(previousUpToNow(preset('month'), now, 'UTC'))).toEqual([
      '2025-02-01T00:00',
      '2025-03-01T00:00',
    ])
  })

  test('is never empty, even at midnight', () => {
    const midnight = new Date('2025-09-17T00:00:00Z')
    expect(shown(previousUpToNow(preset('today'), midnight, 'UTC'))).toEqual([
      '2025-09-10T00:00',
      '2025-09-10T00:01',
    ])
  })

  test('keeps to the wall clock when the clocks change in between', () => {
    const now = new Date('2025-03-30T10:00:00Z') // 12:00 in Berlin, the first day of summer time
    expect(shown(previousUpToNow(preset('today'), now, 'Europe/Berlin'))).toEqual([
      '2025-03-22T23:00',
      '2025-03-23T11:00', // 12:00 there a week before
    ])
  })

  test('of picked days lies on the same weekdays', () => {
    const period: Period = { kind: 'custom', from: '2025-09-01', to: '2025-09-03' }
    expect(shown(rangeOf(period, NOW, 'UTC'))).toEqual(['2025-09-01T00:00', '2025-09-04T00:00'])
    expect(shown(previousRange(period, NOW, 'UTC'))).toEqual([
      '2025-08-25T00:00',
      '2025-08-28T00:00',
    ])
  })

  test('of picked months is as many months before them', () => {
    const period: Period = { kind: 'custom', from: '2025-07-01', to: '2025-08-31' }
    expect(shown(previousRange(period, NOW, 'UTC'))).toEqual([
      '2025-05-01T00:00',
      '2025-07-01T00:00',
    ])
    expect(previousLabel(period, NOW, 'UTC')).toBe('the 2 months before')
  })

  test('of zoomed hours is the same hours a week before', () => {
    const period: Period = {
      kind: 'custom',
      from: '2025-09-01T06:00:00Z',
      to: '2025-09-01T09:00:00Z',
    }
    expect(shown(previousRange(period, NOW, 'UTC'))).toEqual([
      '2025-08-25T06:00',
      '2025-08-25T09:00',
    ])
  })

  test('of any number of days has its weekdays, as near to the range as can be', () => {
    for (let days = 1; days <= 400; days++) {
      const from = addDays('2025-03-03' as Day, days % 11)
      const period: Period = { kind: 'custom', from, to: addDays(from, days - 1) }
      const back = daysBetween(
        dayOf(alignedRange(period, 'day', NOW, 'Europe/Berlin').from, 'Europe/Berlin'),
        from,
      )
      expect(back % 7, `${days} days`).toBe(0)
      expect(Math.abs(back - days), `${days} days`).toBeLessThanOrEqual(Math.max(3, 7 - days))
    }
  })
})

test('what is compared with is said in days where it is not a month', () => {
  const said = (name: Preset) => previousLabel(preset(name), NOW, 'UTC')
  expect(said('today')).toBe('7 days before')
  expect(said('30d')).toBe('28 days before')
  expect(said('90d')).toBe('91 days before')
  expect(said('month')).toBe('last month')
})

test("a chart's dashed line lies on the same weekdays, of a month too", () => {
  expect(shown(alignedRange(preset('month'), 'day', NOW, 'UTC'))).toEqual([
    '2025-08-04T00:00',
    '2025-09-03T00:00',
  ])
  expect(alignedLabel(preset('month'), 'day', NOW, 'UTC')).toBe('28 days before')
  expect(shown(alignedRange(preset('year'), 'month', NOW, 'UTC'))).toEqual([
    '2024-01-01T00:00',
    '2025-01-01T00:00',
  ])
})

test('a range runs until its end', () => {
  expect(isRunning(rangeOf(preset('month'), NOW, 'UTC'), NOW)).toBe(true)
  expect(isRunning(rangeOf(preset('last-month'), NOW, 'UTC'), NOW)).toBe(false)
})

test('a range is said the way people say it, with both its days', () => {
  const label = (period: Period) => rangeLabel(rangeOf(period, NOW, 'UTC'), NOW, 'UTC')
  expect(label({ kind: 'custom', from: '2025-09-01', to: '2025-09-03' })).toBe('1 Sep – 3 Sep')
  expect(label({ kind: 'custom', from: '2025-09-01', to: '2025-09-01' })).toBe('1 Sep')
  expect(label({ kind: 'custom', from: '2024-09-01', to: '2024-09-02' })).toBe(
    '1 Sep 2024 – 2 Sep 2024',
  )
  expect(label({ kind: 'custom', from: '2025-09-01T06:00:00Z', to: '2025-09-01T09:00:00Z' })).toBe(
    '1 Sep, 06:00–09:00',
  )
})
