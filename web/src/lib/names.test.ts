import { expect, test } from 'vitest'
import type { Attribute } from './filters'
import { namePath, readNamePath } from './names'

test('a name is read from the path that was written for it', () => {
  const names: [Attribute, string][] = [
    ['model', 'gpt-4o'],
    ['model', 'meta/llama 3'],
    ['account', '100 % of "it", & more?#'],
    ['tag.a/b', 'ü'],
  ]

  for (const [attribute, name] of names) {
    expect(readNamePath(namePath(attribute, name))).toEqual({ attribute, name })
  }
})

test('what is no name of anything is none', () => {
  expect(readNamePath('/nothing/of')).toBeNull()
  expect(readNamePath('/model/')).toBeNull()
  expect(readNamePath('/model')).toBeNull()
  expect(readNamePath('/model/a/b')).toBeNull()
})

test('a path that somebody wrote by hand is taken as it is', () => {
  expect(readNamePath('/team/100%')).toEqual({ attribute: 'team', name: '100%' })
})
