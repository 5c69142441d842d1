import { expect, test } from 'vitest'
import { carried, DEFAULT_VIEW, isOfView, readView, scopeOf, viewQuery } from './view'

const read = (query: string) => readView(new URLSearchParams(query))

test('a view is its link, both ways', () => {
  for (const query of [
    '',
    'period=7d',
    'from=2025-09-01&to=2025-09-03',
    'from=2025-09-01T06:00:00.000Z&to=2025-09-01T09:00:00.000Z',
    'period=month&tz=Europe/Berlin&compare=off&by=team,tag.feature&measure=tokens&every=week&shown=table',
    'provider=openai,anthropic&model%5E=gpt-4&team!=research%20%26%20more',
    'by=',
  ]) {
    expect(viewQuery(read(query))).toBe(query)
  }
})

test('the default view has no query', () => {
  expect(viewQuery(DEFAULT_VIEW)).toBe('')
})

test('what makes no sense is as if it were not there', () => {
  const query =
    'period=never&from=2025-09-31&to=2025-10-01&tz=Mars/Olympus&by=nonsense,team&measure=love&every=second'
  expect(viewQuery(read(query))).toBe('by=team')
  for (const span of [
    'from=2025-09-03&to=2025-09-01',
    'from=2025-09-01T06:00:00Z&to=2025-09-01T06:00:00Z',
  ]) {
    expect(read(span).period).toEqual(DEFAULT_VIEW.period)
  }
  expect(read('from=2025-09-01&to=2025-09-01').period.kind).toBe('custom')
})

test('no more dimensions than can be asked', () => {
  expect(read('by=team,model,team,project,account').by).toEqual(['team', 'model', 'project'])
})

test('going to another page keeps the period and the filters, not the drawing', () => {
  const view = read('period=7d&team=search&by=model&measure=tokens&shown=table')
  expect(viewQuery(carried(view))).toBe('period=7d&team=search')
})

test('the scope is a single account', () => {
  expect(scopeOf(read('account=acme'))).toBe('acme')
  expect(scopeOf(read('account=acme,globex'))).toBeNull()
  expect(scopeOf(read('account!=acme'))).toBeNull()
})

test('what a page keeps in the link for itself is not of the view', () => {
  expect(['from', 'by', 'provider', 'team!', 'tag.feature'].every(isOfView)).toBe(true)
  expect(['rule', 'group', 'state', 'edit'].some(isOfView)).toBe(false)
})
