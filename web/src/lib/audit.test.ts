import { expect, test } from 'vitest'
import { actWords, detailWords } from './audit'

test('an act is told in words', () => {
  expect(actWords('user.changed')).toBe('user changed')
  expect(actWords('alert_rule.sign_in_failed')).toBe('alert rule sign in failed')
  expect(actWords('odd')).toBe('odd')
})

test('what was before and after is told as a change', () => {
  expect(detailWords({ role: { before: 'member', after: 'admin' }, by: 'link' })).toBe(
    'role: member → admin; by: link',
  )
  expect(detailWords({ first: true, scope: { provider: ['openai'] }, note: null })).toBe(
    'first: true; scope: provider openai; note: nothing',
  )
  expect(detailWords({ period: { every: 'rolling', days: 30 }, scope: {} })).toBe(
    'period: every rolling, days 30; scope: nothing',
  )
  expect(detailWords({})).toBe('')
})
