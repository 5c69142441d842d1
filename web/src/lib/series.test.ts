import { expect, test } from 'vitest'
import { type Amount, parseAmount } from './amount'
import { OTHER_KEY } from './colour'
import {
  alignPrevious,
  groupLabel,
  labelled,
  tabulate,
  type UsageRow,
  withoutSeries,
} from './series'

const day = (date: number) => new Date(Date.UTC(2025, 8, date))
const row = (date: number, name: string | null, spend: string): UsageRow => ({
  time: day(date),
  names: [name ?? ''],
  isOther: name === null,
  readings: { spend: parseAmount(spend) },
})

test('rows are laid out by bucket and series, the largest first and other last', () => {
  const rows = [row(1, 'a', '1'), row(1, null, '9'), row(2, 'b', '5'), row(3, 'a', '0.5')]
  const table = tabulate(rows, [day(1), day(2), day(3)], 'spend', ['provider'])

  expect(table.series.map(({ key }) => key)).toEqual(['b', 'a', OTHER_KEY])
  expect(table.series[1]?.readings).toEqual([parseAmount('1'), 0n, parseAmount('0.5')])
  expect(table.totals).toEqual([parseAmount('10'), parseAmount('5'), parseAmount('0.5')])
})

test('a bucket without a percentile is a gap, not zero', () => {
  const rows: UsageRow[] = [
    { time: day(1), names: ['a'], isOther: false, readings: { latency_p95_ms: 120 } },
  ]
  const table = tabulate(rows, [day(1), day(2)], 'latency_p95_ms', ['provider'])
  expect(table.series[0]?.readings).toEqual([120, null])
})

test('a period before that is shorter leaves the last buckets without a base', () => {
  const before = [row(1, '', '3'), row(2, '', '4')]
  expect(alignPrevious(before, [day(1), day(2)], 'spend', 3)).toEqual([
    parseAmount('3'),
    parseAmount('4'),
    null,
  ])
})

test('absent values and folded rows have names for people', () => {
  expect(groupLabel({ names: ['openai', ''], isOther: false })).toBe('openai · not set')
  expect(groupLabel({ names: [''], isOther: true })).toBe('Other')
  expect(groupLabel({ names: [], isOther: false })).toBe('All')
})

test('labels stand at round places, evenly', () => {
  expect([...labelled(48, (index) => index % 24 === 0, 8)]).toEqual([0, 24])
  expect([...labelled(30, () => true, 10)]).toEqual([0, 3, 6, 9, 12, 15, 18, 21, 24, 27])
})

test('a series that is hidden is in no total', () => {
  const starts = [new Date('2026-01-01T00:00:00Z')]
  const table = {
    starts,
    series: [
      { key: 'a', names: ['a'], label: 'a', slot: 0, readings: [3n as Amount] },
      { key: 'b', names: ['b'], label: 'b', slot: 1, readings: [4n as Amount] },
    ],
    totals: [7n as Amount],
  }

  expect(withoutSeries(table, new Set(['a'])).totals).toEqual([4n])
  expect(withoutSeries(table, new Set(['c']))).toBe(table)
  expect(withoutSeries(table, new Set(['a', 'b'])).totals).toEqual([null])
})
