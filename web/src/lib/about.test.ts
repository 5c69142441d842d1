import { expect, test } from 'vitest'
import { isAbout, isPathAbout } from './about'

test('a scope is about the names that it lets pass', () => {
  const scope = { provider: ['openai', 'google'], 'model!': ['gpt-4o'] }

  expect(isAbout(scope, 'provider', 'google')).toBe(true)
  expect(isAbout(scope, 'provider', 'anthropic')).toBe(false)
  expect(isAbout(scope, 'model', 'gpt-4o')).toBe(false)
  expect(isAbout({}, 'provider', 'google')).toBe(false)
})

test('a path is about the names in it', () => {
  const path = '/explore?period=7d&provider=openai&tag.feature=a%5C,b'

  expect(isPathAbout(path, 'provider', 'openai')).toBe(true)
  expect(isPathAbout(path, 'tag.feature', 'a,b')).toBe(true)
  expect(isPathAbout(path, 'model', 'openai')).toBe(false)
  expect(isPathAbout(null, 'model', 'openai')).toBe(false)
})
