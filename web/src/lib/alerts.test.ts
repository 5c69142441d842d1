import { describe, expect, it } from 'vitest'
import type { Alert, AlertRule, Condition } from '@/wire'
import {
  conditionWords,
  EMPTY_RULE,
  fateWords,
  readAlertState,
  ruleDraftOf,
  ruleFormOf,
} from './alerts'

const NOW = new Date('2026-11-21T10:00:00Z')

const CONDITIONS: Condition[] = [
  { kind: 'budget' },
  { kind: 'unpriced' },
  { kind: 'above', measure: 'spend', hours: 24, limit: '100', scope: { provider: ['openai'] } },
  { kind: 'anomaly', severity: 'high', scope: {} },
  { kind: 'change', scope: { 'model^': ['gpt-4'] } },
  { kind: 'silence', hours: 6, scope: {} },
  { kind: 'health' },
]

function alert(changed: Partial<Alert>): Alert {
  return {
    id: 'a',
    rule: { id: 'r', name: 'Rule' },
    state: 'open',
    severity: 'warning',
    title: 'It holds',
    detail: 'since now',
    link: null,
    opened_at: '2026-11-21T09:00:00Z',
    updated_at: '2026-11-21T09:00:00Z',
    acknowledged_by: null,
    acknowledged_at: null,
    resolved_at: null,
    resolved_by: null,
    snoozed_until: null,
    ...changed,
  }
}

describe('a rule', () => {
  it('goes through its form unchanged, whatever it watches', () => {
    for (const condition of CONDITIONS) {
      const rule: AlertRule = { id: 'r', name: 'Rule', severity: 'info', enabled: false, condition }
      const { id: _, ...draft } = rule

      expect(ruleDraftOf(ruleFormOf(rule))).toEqual(draft)
    }
  })

  it('does not make an hour of none', () => {
    expect(ruleDraftOf({ ...EMPTY_RULE, name: 'Rule', limit: '5', hours: '0' })).toMatchObject({
      field: 'condition.hours',
    })
  })

  it('needs a number where there is a limit, and only there', () => {
    expect(ruleDraftOf({ ...EMPTY_RULE, name: 'Rule', limit: 'a lot' })).toMatchObject({
      field: 'condition.limit',
    })
    expect(ruleDraftOf({ ...EMPTY_RULE, name: 'Rule', kind: 'health' })).toMatchObject({
      condition: { kind: 'health' },
    })
  })

  it('is told in words', () => {
    const words = CONDITIONS.map((condition) => conditionWords(condition, 'USD'))

    expect(words).toEqual([
      'A budget reaches a threshold',
      'Usage has no price',
      'Spend of 24 hours reaches $100.00, where provider is openai',
      'Spend is not as expected, far outside its range',
      'Spend finds a new level, where model begins with gpt-4',
      'Nothing comes in for 6 hours',
      'The server is in trouble',
    ])
  })

  it('counts what is not money', () => {
    const condition: Condition = { kind: 'above', measure: 'errors', hours: 1, limit: '25000' }

    expect(conditionWords(condition, 'USD')).toBe('Errors of 1 hour reaches 25.0\u202fK')
  })
})

describe('what became of an alert', () => {
  it('is who saw it, and until when it is silent', () => {
    expect(fateWords(alert({}), NOW, 'UTC')).toBe('')
    expect(
      fateWords(
        alert({ acknowledged_by: 'maria', snoozed_until: '2026-11-21T11:00:00Z' }),
        NOW,
        'UTC',
      ),
    ).toBe('seen by maria, silent until 21 Nov 2026, 11:00:00 UTC')
  })

  it('forgets a snooze that is over', () => {
    expect(fateWords(alert({ snoozed_until: '2026-11-21T09:30:00Z' }), NOW, 'UTC')).toBe('')
  })

  it('tells a person’s doing from what went away by itself', () => {
    const resolved = { state: 'resolved' as const, resolved_at: '2026-11-21T09:30:00Z' }

    expect(fateWords(alert({ ...resolved, resolved_by: 'maria' }), NOW, 'UTC')).toBe(
      'closed by maria 21 Nov 2026, 09:30:00 UTC',
    )
    expect(fateWords(alert(resolved), NOW, 'UTC')).toMatch(/^over by itself /)
  })
})

it('shows open alerts where the link says nothing that makes sense', () => {
  expect(readAlertState(null)).toBe('open')
  expect(readAlertState('toString')).toBe('open')
  expect(readAlertState('resolved')).toBe('resolved')
})
