import { describe, expect, it } from 'vitest'
import type { Grant } from '@/wire'
import { parseAmount } from './amount'
import {
  adjustDraftOf,
  changeOf,
  courseOf,
  EMPTY_GRANT,
  giveWords,
  grantDraftOf,
  placeIn,
  refundDraftOf,
  termsDraftOf,
  termsFormOf,
  termsWords,
  unitsOf,
  whenWords,
} from './credit'
import { freshId } from './ids'

const NOW = new Date('2026-11-22T12:00:00Z')
const DAY_MS = 86_400_000
const writing = { id: 'once', now: NOW, tz: 'Europe/Berlin' }

const grant = (told: Partial<Grant>) =>
  ({ effective_at: '2026-11-01T00:00:00Z', expires_at: null, state: 'active', ...told }) as Grant

const entries = (...all: [string, string][]) => ({
  entries: all.map(([place, amount]) => ({ place, amount })),
})

describe('what a posting changed', () => {
  it('is what came to and went from grants, holds and debt', () => {
    const given = changeOf(entries(['issued', '-10'], ['grant:1', '10']))
    const held = changeOf(entries(['grant:1', '-2.5'], ['hold:2', '2.5']))
    const captured = changeOf(entries(['hold:2', '-2.5'], ['spent', '1'], ['grant:1', '1.5']))
    const owed = changeOf(entries(['debt', '-0.000000001'], ['spent', '0.000000001']))

    const of = (settled: string, inHolds: string, available: string) => ({
      settled: parseAmount(settled),
      held: parseAmount(inHolds),
      available: parseAmount(available),
    })
    expect(given).toEqual(of('10', '0', '10'))
    expect(held).toEqual(of('0', '2.5', '-2.5'))
    expect(captured).toEqual(of('-1', '-2.5', '1.5'))
    expect(owed).toEqual(of('-0.000000001', '0', '-0.000000001'))
  })
})

describe('what is written', () => {
  it('is sent with the id that was made when the form opened, and the end of the last day', () => {
    const form = { ...EMPTY_GRANT, amount: '1,50', unit: ' usd ', lastDay: '2026-11-22' }

    expect(grantDraftOf(form, writing)).toEqual({
      id: 'once',
      amount: '1.5',
      unit: 'USD',
      source: 'purchase',
      expires_at: '2026-11-22T23:00:00.000Z',
    })
    expect(grantDraftOf({ ...form, lastDay: '' }, writing)).not.toHaveProperty('expires_at')
  })

  it('is refused with the field at fault', () => {
    const form = { ...EMPTY_GRANT, amount: '10' }

    expect(grantDraftOf({ ...form, amount: '0' }, writing)).toMatchObject({ field: 'amount' })
    expect(grantDraftOf({ ...form, amount: 'ten' }, writing)).toMatchObject({ field: 'amount' })
    expect(grantDraftOf({ ...form, unit: ' ' }, writing)).toMatchObject({ field: 'unit' })
    expect(grantDraftOf({ ...form, lastDay: '2026-11-21' }, writing)).toMatchObject({
      field: 'expires_at',
    })
  })

  it('takes what is to be taken, and always says why', () => {
    const form = { way: 'take' as const, amount: '2', unit: 'USD', reason: ' paid twice ' }

    expect(adjustDraftOf(form, 'once')).toEqual({
      id: 'once',
      amount: '-2',
      unit: 'USD',
      reason: 'paid twice',
    })
    expect(adjustDraftOf({ ...form, way: 'add' }, 'once')).toMatchObject({ amount: '2' })
    expect(adjustDraftOf({ ...form, reason: ' ' }, 'once')).toMatchObject({ field: 'reason' })
    expect(refundDraftOf({ amount: '', reason: 'cut off' }, 7, 'once')).toEqual({
      id: 'once',
      of: 7,
      reason: 'cut off',
    })
    expect(refundDraftOf({ amount: '1', reason: '' }, 7, 'once')).toMatchObject({ field: 'reason' })
  })

  it('keeps the terms that it was made from, and asks for a limit where there is one', () => {
    const terms = { overdraft: 'floor' as const, floor: '2.5', captures_beyond: true }
    const form = termsFormOf(terms)

    expect(termsDraftOf(form)).toEqual(terms)
    expect(termsDraftOf({ ...form, floor: '' })).toMatchObject({ field: 'floor' })
    expect(termsDraftOf({ ...form, overdraft: 'refuse' })).toEqual({
      overdraft: 'refuse',
      captures_beyond: true,
    })
  })

  it('has an id that nobody else has', () => {
    expect(freshId()).toMatch(/^[0-9a-f]{32}$/)
    expect(freshId()).not.toBe(freshId())
  })
})

describe('words', () => {
  it('say the last day and not the midnight after it', () => {
    const words = (told: Partial<Grant>) => whenWords(grant(told), NOW, 'UTC')

    expect(words({ expires_at: '2026-12-04T00:00:00Z' })).toBe('up to 3 Dec')
    expect(words({})).toBe('without an end')
    expect(words({ state: 'scheduled', effective_at: '2027-01-01T00:00:00Z' })).toBe(
      'from 1 Jan 2027, without an end',
    )
    expect(words({ state: 'expired', expires_at: '2026-11-04T00:00:00Z' })).toBe(
      'up to 3 Nov, over',
    )
  })

  it('ask about what will be given, and up to which day', () => {
    const draft = { id: 'once', amount: '1234.5', unit: 'USD', source: 'purchase' as const }
    const ends = { ...draft, expires_at: '2026-12-03T23:00:00.000Z' }

    expect(giveWords(draft, 'acme', NOW, 'UTC')).toBe(
      'Give $1,234.50 to acme? It can be spent at once.',
    )
    expect(giveWords(ends, 'acme', NOW, 'Europe/Berlin')).toBe(
      'Give $1,234.50 to acme? It can be spent at once, and up to 3 Dec.',
    )
  })

  it('say what becomes of usage that the balance does not cover', () => {
    expect(termsWords({ overdraft: 'refuse' })).toContain('is refused')
    expect(termsWords({ overdraft: 'allow' })).toContain('is owed.')
    expect(termsWords({ overdraft: 'floor', floor: '5' })).toContain('owed up to $5.00')
  })
})

it('has money before units of somebody’s own', () => {
  const units = unitsOf({ CREDIT: 1, USD: 2, DIEM: 3 }, 'USD')

  expect(units.map(([unit]) => unit)).toEqual(['USD', 'CREDIT', 'DIEM'])
})

describe('the course of grants', () => {
  it('holds today, and cuts what is long ago and far ahead', () => {
    const old = grant({ effective_at: '2020-01-01T00:00:00Z', expires_at: '2036-01-01T00:00:00Z' })

    for (const grants of [[], [old], [grant({})], [old, grant({})]]) {
      const course = courseOf(grants, NOW)

      expect(course.from).toBeLessThan(NOW.getTime())
      expect(course.to).toBeGreaterThan(NOW.getTime())
      expect(course.to - course.from).toBeLessThanOrEqual(455 * DAY_MS)
      expect(placeIn(course, NOW.getTime())).toBeGreaterThan(0)
      expect(placeIn(course, Date.parse(old.effective_at))).toBe(0)
    }
  })
})
