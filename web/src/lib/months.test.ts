import { expect, test } from 'vitest'
import { lastMonths } from './months'

test('months are counted back over the year, in the zone whose days they have', () => {
  const months = lastMonths(new Date('2026-01-31T23:30:00Z'), 'Europe/Berlin', 3)

  expect(months).toEqual([
    { value: '2026-02', label: 'February 2026, so far' },
    { value: '2026-01', label: 'January 2026' },
    { value: '2025-12', label: 'December 2025' },
  ])
})
