import { expect, test } from 'vitest'
import {
  type Filter,
  filterParams,
  filterText,
  passes,
  readFilters,
  withFilter,
  withOnly,
} from './filters'

const read = (query: string) => readFilters(new URLSearchParams(query))

test('filters are read from a URL and written back', () => {
  const query = 'provider=openai,anthropic&model^=gpt-4&team!=research&tag.feature=chat'
  const filters = read(`${query}&by=provider&period=7d`)
  expect(filters).toEqual([
    { attribute: 'provider', op: 'in', values: ['openai', 'anthropic'] },
    { attribute: 'model', op: 'prefix', values: ['gpt-4'] },
    { attribute: 'team', op: 'not', values: ['research'] },
    { attribute: 'tag.feature', op: 'in', values: ['chat'] },
  ])
  expect(
    filterParams(filters)
      .map(([key, value]) => `${key}=${value}`)
      .join('&'),
  ).toBe(query)
})

test('a repeated key is the same as a list, and a tag needs a name', () => {
  expect(read('provider=a&provider=b&provider=a&tag.=x&unknown=y')).toEqual([
    { attribute: 'provider', op: 'in', values: ['a', 'b'] },
  ])
})

test('a comma in a value is not the end of it', () => {
  const filters: Filter[] = [{ attribute: 'model', op: 'in', values: ['a,b', 'c\\', '', 'd\\e'] }]
  const [[key, text] = ['', '']] = filterParams(filters)
  expect(text).toBe('a\\,b,c\\\\,,d\\\\e')
  expect(readFilters(new URLSearchParams([[key, text]]))).toEqual(filters)
  expect(read('model=x\\y')).toEqual([{ attribute: 'model', op: 'in', values: ['x\\y'] }])
})

test('a value is added to its chip, once', () => {
  const one = withFilter([], 'provider', 'in', 'openai')
  const two = withFilter(one, 'provider', 'in', 'google')
  expect(two).toEqual([{ attribute: 'provider', op: 'in', values: ['openai', 'google'] }])
  expect(withFilter(two, 'provider', 'in', 'google')).toBe(two)
})

test('drilling down narrows to one value and keeps the other attributes', () => {
  const before = read('provider=a,b&provider!=c&team=x')
  expect(withOnly(before, 'provider', 'a')).toEqual([
    { attribute: 'team', op: 'in', values: ['x'] },
    { attribute: 'provider', op: 'in', values: ['a'] },
  ])
})

test('a filter is said in words', () => {
  const [filter] = read('provider=openai,')
  expect(filterText(filter as Filter)).toBe('Provider is openai or not set')
})

test('a live event is judged as the server would', () => {
  const event: Record<string, string> = {
    provider: 'openai',
    model: 'gpt-4o-mini',
    'tag.feature': 'chat',
  }
  const judge = (query: string) => passes(read(query), (attribute) => event[attribute])
  expect(judge('provider=openai,google')).toBe(true)
  expect(judge('provider!=openai')).toBe(false)
  expect(judge('model^=gpt-4o&tag.feature=chat')).toBe(true)
  expect(judge('team=')).toBe(true)
  expect(judge('team=x')).toBe(false)
})
