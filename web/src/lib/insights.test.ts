import { describe, expect, it } from 'vitest'
import type { Driver, Drivers, SpendInsight } from '@/wire'
import {
  driverFilters,
  foldDrivers,
  historyDays,
  insightDays,
  isDecomposed,
  reasonWords,
  trendWords,
  waterfall,
} from './insights'
import type { Day } from './time'

const NOW = new Date('2026-11-21T10:00:00Z')

function past(date: string, spend: string) {
  const unknown = { level: null, season: null, rest: null, expected: null, low: null, high: null }
  return { date: date as Day, spend, requests: 1, running: false, ...unknown }
}

function ahead(date: string) {
  return { date: date as Day, expected: 10, low: 8, high: 12, low95: 7, high95: 13 }
}

function insight(changed: Partial<SpendInsight> = {}): SpendInsight {
  return {
    tz: 'UTC',
    days: [],
    summary: {
      total: '0',
      daily: 0,
      direction: 'steady',
      growth: 0,
      weekly_growth: null,
      volatility: 0,
      weekly: false,
    },
    weekdays: [],
    anomalies: [],
    changes: [],
    forecast: null,
    note: null,
    ...changed,
  }
}

function driver(changed: Partial<Driver> = {}): Driver {
  return {
    group: { provider: 'openai' },
    other: false,
    before: '10',
    after: '16',
    change: '6',
    volume: '5',
    price: '2',
    mix: '-1',
    presence: 'stayed',
    ...changed,
  }
}

describe('the days of the chart', () => {
  it('go on from the past into the forecast, today being both', () => {
    const forecast = {
      days: [ahead('2026-11-21'), ahead('2026-11-22')],
      total: 20,
      total_low: 15,
      total_high: 25,
      methods: [],
      note: null,
    }
    const days = insightDays(
      insight({ days: [past('2026-11-20', '9'), past('2026-11-21', '4')], forecast }),
    )

    expect(days.map(({ date }) => date)).toEqual(['2026-11-20', '2026-11-21', '2026-11-22'])
    expect(days[0]).toMatchObject({ ahead: null })
    expect(days[1]).toMatchObject({ past: { spend: '4' }, ahead: { expected: 10 } })
    expect(days[2]).toMatchObject({ past: null, ahead: { expected: 10 } })
  })

  it('end today where there is no forecast', () => {
    expect(insightDays(insight({ days: [past('2026-11-21', '4')] }))).toHaveLength(1)
    expect(isDecomposed(insight({ days: [past('2026-11-21', '4')] }))).toBe(false)
  })
})

it('looks back at least a quarter and at most two years', () => {
  const range = (from: string) => ({ from: new Date(from), to: NOW })

  expect(historyDays(range('2026-11-15T00:00:00Z'), NOW, 'UTC')).toBe(90)
  expect(historyDays(range('2026-01-01T00:00:00Z'), NOW, 'UTC')).toBe(325)
  expect(historyDays(range('2020-01-01T00:00:00Z'), NOW, 'UTC')).toBe(730)
})

describe('the waterfall', () => {
  const drivers: Drivers = {
    from: '',
    to: '',
    previous_from: '',
    previous_to: '',
    before: '10',
    after: '15',
    change: '5',
    volume: '5',
    price: '0',
    mix: '0',
    rows: [driver({ change: '10' }), driver({ change: '-5' })],
  }

  it('goes in steps from before to after', () => {
    const { before, after, steps } = waterfall(drivers)

    expect([before, after]).toEqual([50, 75])
    expect(steps).toMatchObject([
      { left: 50, width: 50, isMore: true },
      { left: 75, width: 25, isMore: false },
    ])
  })

  it('stands still where nothing was spent', () => {
    const { steps, after } = waterfall({ ...drivers, before: '0', after: '0', rows: [] })

    expect(steps).toEqual([])
    expect(after).toBe(0)
  })
})

it('folds what is small, to the last digit', () => {
  const tiny = driver({ before: '0.000000001', after: '0', change: '-0.000000001' })
  const rest = driver({ group: {}, other: true, before: '1', after: '3', change: '2' })

  const rows = foldDrivers([driver(), tiny, rest], 1)

  expect(rows).toHaveLength(2)
  expect(rows[1]).toMatchObject({ other: true, before: '1.000000001', change: '1.999999999' })
  expect(foldDrivers([driver(), tiny], 2)).toHaveLength(2)
})

describe('a reason', () => {
  it('is the part that pushed most, the same way as the whole', () => {
    expect(reasonWords(driver())).toBe('more of it')
    expect(reasonWords(driver({ volume: '1', price: '9', mix: '-4' }))).toBe(
      'more expensive requests',
    )
    expect(reasonWords(driver({ change: '-3', volume: '5', price: '0', mix: '-8' }))).toBe(
      'a cheaper mix',
    )
  })

  it('is its coming or its going', () => {
    expect(reasonWords(driver({ presence: 'new' }))).toBe('new')
    expect(reasonWords(driver({ presence: 'gone' }))).toBe('no longer used')
    expect(reasonWords(driver({ change: '0' }))).toBe('as before')
  })
})

it('narrows to a driver beside the filters there are', () => {
  const filters = driverFilters(
    driver({ group: { provider: 'openai', model: '' } }),
    ['provider', 'model'],
    [{ attribute: 'team', op: 'in', values: ['research'] }],
  )

  expect(filters).toEqual([
    { attribute: 'team', op: 'in', values: ['research'] },
    { attribute: 'provider', op: 'in', values: ['openai'] },
    { attribute: 'model', op: 'in', values: [''] },
  ])
})

it('says where spend goes', () => {
  const summary = { ...insight().summary, direction: 'rising' as const, growth: 0.124 }

  expect(trendWords(summary)).toBe('Rising, +12\u202f% over these days')
  expect(trendWords({ ...summary, direction: 'steady' })).toBe('Steady')
})
