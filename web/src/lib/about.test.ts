import { expect, test } from 'vitest'
import { isAbout, isLinkAbout } from './about'

test('a scope is about the names that it lets pass', () => {
  const scope = { provider: ['openai', 'google'], 'model!': ['gpt-4o'] }

  expect(isAbout(scope, 'provider', 'google')).toBe(true)
  expect(isAbout(scope, 'provider', 'anthropic')).toBe(false)
  expect(isAbout(scope, 'model', 'gpt-4o')).toBe(false)
  expect(isAbout({}, 'provider', 'google')).toBe(false)
})

test('a link is about the names in it', () => {
  const days = { first: '2026-11-01', last: '2026-11-02' } as const
  const scope = { provider: ['openai'], 'tag.feature': ['a,b'] }
  const usage = { to: 'usage_of_days' as const, scope, ...days }
  const name = { to: 'name', attribute: 'model', name: 'gpt-4o' } as const

  expect(isLinkAbout(usage, 'provider', 'openai')).toBe(true)
  expect(isLinkAbout(usage, 'tag.feature', 'a,b')).toBe(true)
  expect(isLinkAbout(usage, 'model', 'openai')).toBe(false)
  expect(isLinkAbout(name, 'model', 'gpt-4o')).toBe(true)
  expect(isLinkAbout(name, 'provider', 'gpt-4o')).toBe(false)
  expect(isLinkAbout({ to: 'unpriced' }, 'model', 'gpt-4o')).toBe(false)
  expect(isLinkAbout(null, 'model', 'openai')).toBe(false)
})
