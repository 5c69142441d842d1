import { expect, test } from 'vitest'
import type { Amount } from './amount'
import { foldHours, HEAT_DAYS_MAX, HEAT_STEPS, heatStep, hourName, tooManyDays } from './heat'
import type { UsageRow } from './series'
import { DAY_MS } from './time'

const NOW = new Date('2026-03-31T12:30:00Z')

function row(time: string, spend: bigint): UsageRow {
  const readings = { spend: spend as Amount }
  return { time: new Date(time), names: [], isOther: false, readings }
}

test('an hour of a weekday is the average of all of its kind', () => {
  const { cells, most } = foldHours(
    [
      row('2026-03-23T09:00:00Z', 4_000_000_000n),
      row('2026-03-30T09:00:00Z', 2_000_000_000n),
      row('2026-03-31T12:00:00Z', 1_000_000_000n),
      row('2026-03-31T13:00:00Z', 9_000_000_000n),
    ],
    'spend',
    'UTC',
    NOW,
  )

  expect(cells[9]).toEqual({ weekday: 0, hour: 9, total: 6_000_000_000n, hours: 2, mean: 3 })
  expect(cells[24 + 12]).toMatchObject({ hours: 1, mean: 1 })
  expect(cells[24 + 13]).toMatchObject({ hours: 0, mean: null, total: 0n })
  expect(most).toBe(3)
})

test('hours are those of the clock on the wall, also where it is changed', () => {
  const rows = [
    // 01:00 and, one hour later, 03:00 in Berlin; and 02:00 twice in autumn.
    row('2026-03-29T00:00:00Z', 1_000_000_000n),
    row('2026-03-29T01:00:00Z', 2_000_000_000n),
    row('2025-10-26T00:00:00Z', 3_000_000_000n),
    row('2025-10-26T01:00:00Z', 5_000_000_000n),
  ]

  const { cells } = foldHours(rows, 'spend', 'Europe/Berlin', NOW)

  const sunday = (hour: number) => cells[6 * 24 + hour]
  expect(sunday(1)).toMatchObject({ hours: 1, mean: 1 })
  expect(sunday(2)).toMatchObject({ hours: 2, mean: 4 })
  expect(sunday(3)).toMatchObject({ hours: 1, mean: 2 })
})

test('colours go up in steps, and nothing has its own', () => {
  expect(heatStep(null, 5)).toBe(0)
  expect(heatStep(0, 5)).toBe(0)
  expect(heatStep(0.001, 5)).toBe(1)
  expect(heatStep(5, 5)).toBe(HEAT_STEPS)
  expect(heatStep(0, 0)).toBe(0)
})

test('an hour is called by its day and its clock', () => {
  expect(hourName({ weekday: 1, hour: 14 })).toBe('Tuesday 14:00–15:00')
  expect(hourName({ weekday: 6, hour: 23 })).toBe('Sunday 23:00–00:00')
})

test('a heat map is folded of as many days as the server tells hours of, and not of more', () => {
  const from = new Date('2024-01-01T00:00:00Z')
  const after = (days: number) => ({ from, to: new Date(from.getTime() + days * DAY_MS) })

  expect(tooManyDays(after(HEAT_DAYS_MAX))).toBeNull()
  expect(HEAT_DAYS_MAX * 24).toBeLessThanOrEqual(10_000)
  expect(tooManyDays(after(731))).toBe(731)
})
