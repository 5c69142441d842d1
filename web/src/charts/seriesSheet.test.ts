import { expect, test } from 'vitest'
import type { SeriesTable } from '@/lib/series'
import { bucketStarts, type Every } from '@/lib/time'
import { axisLabels, runningBucket } from './seriesSheet'

const NOW = new Date('2025-09-17T14:30:00Z')

function drawing(from: string, to: string, every: Every, tz = 'UTC') {
  const starts = bucketStarts({ from: new Date(from), to: new Date(to) }, every, tz)
  const table: SeriesTable = { starts, series: [], totals: [] }
  return { table, every, tz, now: NOW }
}

test('the bucket that is not over is the one that now falls into', () => {
  const { starts } = drawing('2025-09-15T00:00:00Z', '2025-09-22T00:00:00Z', 'day').table
  expect(runningBucket(starts, NOW)).toBe(2)
  expect(runningBucket(starts.slice(0, 3), NOW)).toBe(2)
  expect(runningBucket(starts, new Date('2025-09-14T23:59:00Z'))).toBe(-1)
  expect(runningBucket(starts, new Date('2025-09-22T00:00:00Z'))).toBe(-1)
})

test('days are labelled evenly, as many as fit', () => {
  const labels = axisLabels(drawing('2025-09-01T00:00:00Z', '2025-10-01T00:00:00Z', 'day'), 700)
  const shown = labels.filter(Boolean)
  expect(labels).toHaveLength(30)
  expect(shown[0]).toBe('1 Sep')
  expect(shown.length).toBeLessThanOrEqual(10)
})

test('hours of many days are labelled by the days, at their midnight', () => {
  const week = drawing('2025-09-07T22:00:00Z', '2025-09-14T22:00:00Z', 'hour', 'Europe/Berlin')
  const labels = axisLabels(week, 900)
  expect(labels[0]).toBe('8 Sep')
  expect(labels[24]).toBe('9 Sep')
  expect(labels.filter(Boolean)).toHaveLength(7)
})

test('hours of one day are labelled by the hour', () => {
  const labels = axisLabels(drawing('2025-09-17T00:00:00Z', '2025-09-18T00:00:00Z', 'hour'), 900)
  expect(labels[0]).toBe('00:00')
})
