import { expect, test } from 'vitest'
import type { Roi, RoiRow } from '@/wire'
import {
  hasRevenue,
  otherRevenue,
  pointsText,
  readGroup,
  readRule,
  revenueCommand,
  roiGroupsCsv,
  roiName,
  roiSeriesCsv,
  roiTrend,
  shareText,
} from './roi'

const NOTHING = {
  spend: '12.5',
  revenue: '0.000000000',
  profit: '-12.5',
  margin: null,
  roi: -1,
  unpriced: 0,
  purchases: 0,
  spend_per_purchase: null,
}

const roi = (changed: Partial<Roi>) =>
  ({
    total: NOTHING,
    trend: { direction: 'steady', change: null },
    other_currencies: [],
    ...changed,
  }) as Roi

const row = (service: string) => ({ ...NOTHING, group: { service } }) as unknown as RoiRow

test('what makes no sense in a link is as by default', () => {
  expect(readRule('even')).toBe('even')
  expect(readRule('odd')).toBe('spend')
  expect(readGroup('tag.feature')).toBe('tag.feature')
  expect(readGroup('planet')).toBe('service')
  expect(readGroup(null)).toBe('service')
})

test('shares have a sign, and become factors when they are large', () => {
  expect(shareText(0.42)).toBe('42\u202f%')
  expect(shareText(-0.042)).toBe('−4.2\u202f%')
  expect(shareText(1.9)).toBe('190\u202f%')
  expect(shareText(14.2)).toBe('×14')
  expect(shareText(null)).toBe('–')
})

test('the change of a margin is told in points', () => {
  expect(pointsText(0.451, 0.42)).toBe('+3.1\u00a0points')
  expect(pointsText(0.4, 0.42)).toBe('−2\u00a0points')
  expect(pointsText(0.42, 0.42)).toBe('±0\u00a0points')
  expect(pointsText(0.42, null)).toBeNull()
})

test('a row without a value is not set', () => {
  expect(roiName(row('search'), 'service')).toBe('search')
  expect(roiName(row(''), 'service')).toBe('not set')
})

test('revenue in another currency is revenue', () => {
  expect(hasRevenue(roi({}))).toBe(false)
  expect(hasRevenue(roi({ total: { ...NOTHING, revenue: '3' } }))).toBe(true)
  expect(hasRevenue(roi({ other_currencies: [{ currency: 'EUR', revenue: '3' }] }))).toBe(true)
})

test('other currencies are listed with their signs', () => {
  expect(otherRevenue(roi({}))).toBeNull()
  const other_currencies = [
    { currency: 'eur', revenue: '120' },
    { currency: 'GBP', revenue: '3' },
  ]
  expect(otherRevenue(roi({ other_currencies }))).toBe('€120.00 and £3.00')
})

test('the trend is a sentence', () => {
  expect(roiTrend(roi({ trend: { direction: 'rising', change: 0.12 } }))).toBe('Profit is rising')
  expect(roiTrend(roi({}))).toBe('Profit is steady')
})

test('the command has a moment without fractions', () => {
  const command = revenueCommand('http://here', new Date('2026-11-01T10:00:00.123Z'))
  expect(command).toContain('curl http://here/api/v1/revenue')
  expect(command).toContain('"occurred_at": "2026-11-01T10:00:00Z"')
})

test('the files have every digit, and nothing where there is nothing', () => {
  const bucket = {
    start: '2026-11-01T00:00:00Z',
    revenue: '9',
    spend: '7.000000001',
    unpriced: 0,
    profit: '2',
  }
  expect(roiSeriesCsv(roi({ series: [bucket] }))).toBe(
    'start,revenue,spend,profit,unpriced\r\n2026-11-01T00:00:00Z,9,7.000000001,2,0\r\n',
  )
  const attributed = { direct: '0', shared: '0' }
  const rows = [{ ...row('search, chat'), attributed }]
  expect(roiGroupsCsv(roi({ rows }), 'service').split('\r\n')[1]).toBe(
    '"search, chat",0.000000000,0,0,12.5,-12.5,,-1,0,,0',
  )
})
