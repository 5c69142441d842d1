import { expect, test } from 'vitest'
import type { Recommendation } from '@/wire'
import {
  decisionWords,
  figureColumns,
  kindWords,
  measuredWords,
  readRecommendationState,
  savingRange,
  savingShare,
} from './recommendations'

const ITEM: Recommendation = {
  id: 'model-openai-gpt-4o',
  kind: 'cheaper_model',
  priority: 'high',
  title: '',
  description: '',
  saving: null,
  confidence: 'high',
  assumption: '',
  scope: {},
  evidence: [],
  proof: { columns: [], rows: [] },
  link: { to: 'usage' },
  actions: [],
  state: 'open',
  changed_by: null,
  changed_at: null,
  snoozed_until: null,
  note: null,
  measured: null,
}

test('a state that makes no sense is the open one', () => {
  expect(readRecommendationState('done')).toBe('done')
  expect(readRecommendationState('gone')).toBe('open')
  expect(readRecommendationState(null)).toBe('open')
})

test('a kind that only a newer server has is said in its own words', () => {
  expect(kindWords('cheaper_model')).toBe('Cheaper model')
  expect(kindWords('spot_instances')).toBe('spot instances')
})

test('a saving has a range, unless it is certain', () => {
  const saving = { monthly: '45.12', low: '30', high: '60.5' }
  expect(savingRange(saving, 'USD')).toBe('$30.00 to $60.50')
  expect(savingRange({ monthly: '9', low: '9', high: '9' }, 'USD')).toBeNull()
})

test('a saving is a share of a month of spend', () => {
  const saving = { monthly: '50', low: '40', high: '60' }
  expect(savingShare(saving, '1000', 30)).toBe('5.0\u202f%')
  expect(savingShare(saving, '3000', 90)).toBe('5.0\u202f%')
  expect(savingShare(saving, '0', 30)).toBeNull()
})

test('what was decided is told with who and when', () => {
  const changed = { changed_by: 'maria', changed_at: '2026-09-03T10:00:00Z' }
  expect(decisionWords(ITEM, 'UTC')).toBeNull()
  expect(decisionWords({ ...ITEM, ...changed, state: 'dismissed' }, 'UTC')).toBe(
    'Dismissed by maria on 3 Sep 2026, 10:00:00 UTC',
  )
  const snoozed = { state: 'snoozed' as const, snoozed_until: '2026-09-10T10:00:00Z' }
  expect(decisionWords({ ...ITEM, ...changed, ...snoozed }, 'UTC')).toBe(
    'Silent until 10 Sep 2026, 10:00:00 UTC, asked for by maria',
  )
})

test('what was measured is told honestly in both directions', () => {
  const now = new Date('2026-10-13T12:00:00Z')
  const measured = {
    since: '2026-10-01',
    days: 12,
    expected: '30',
    actual: '12',
    saved: '18',
    low: '15',
    high: '20',
  } as NonNullable<Recommendation['measured']>
  expect(measuredWords(measured, 'USD', now)).toBe(
    'In 12 days since 1 Oct: $12.00 spent where $30.00 was expected, $18.00 saved ($15.00 to $20.00)',
  )
  expect(measuredWords({ ...measured, actual: '32', saved: '-2', low: '-4' }, 'USD', now)).toMatch(
    /−\$2\.00 saved \(−\$4\.00 to \$20\.00\)$/,
  )
})

test('columns of figures stand to the right, names to the left', () => {
  const columns = ['Token class', 'Tokens', 'Now', 'Then']
  const rows = [
    ['Input', '1,200,000', '$3.00', '$0.18'],
    ['Output', '300', '−$1.20', '–'],
  ]
  expect(figureColumns({ columns, rows })).toEqual([false, true, true, true])
  expect(figureColumns({ columns: ['Day', 'Excess'], rows: [['2026-11-09', '$9.00']] })).toEqual([
    false,
    true,
  ])
  expect(figureColumns({ columns, rows: [] })).toEqual([false, false, false, false])
})
