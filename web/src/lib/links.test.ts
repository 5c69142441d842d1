import { expect, it } from 'vitest'
import type { Link } from '@/wire'
import { addressOf } from './links'
import { DEFAULT_VIEW, readView } from './view'

const SHOWN = readView(new URLSearchParams('period=7d&provider=openai&measure=tokens&by=model'))

function address(link: Link): string {
  return addressOf(link, SHOWN)
}

it('leads to the usage that was meant, whatever is shown', () => {
  expect(
    address({
      to: 'usage_between',
      scope: { provider: ['acme-ai'], 'tag.team': ['a,b'] },
      measure: 'images',
      from: '2026-11-11T11:30:00Z',
      until: '2026-11-11T12:30:01Z',
    }),
  ).toBe(
    '/explore?from=2026-11-11T11:30:00Z&to=2026-11-11T12:30:01Z&measure=images&provider=acme-ai&tag.team=a%5C,b',
  )
  const days = { to: 'usage_of_days', first: '2026-11-01', last: '2026-11-02' } as const
  expect(address({ ...days, scope: {} })).toBe('/explore?from=2026-11-01&to=2026-11-02')
  expect(address({ ...days, scope: { 'model!': [''] }, tz: 'Asia/Tokyo' })).toBe(
    '/explore?from=2026-11-01&to=2026-11-02&tz=Asia/Tokyo&model!=',
  )
})

it('carries when and of what where a link says neither', () => {
  expect(address({ to: 'usage' })).toBe('/explore?period=7d&provider=openai')
  expect(address({ to: 'insights' })).toBe('/insights?period=7d&provider=openai')
  expect(address({ to: 'name', attribute: 'model', name: 'meta/llama 3' })).toBe(
    '/model/meta%2Fllama%203?period=7d&provider=openai',
  )
  expect(addressOf({ to: 'usage' }, DEFAULT_VIEW)).toBe('/explore')
})

it('leads to things by their ids', () => {
  expect(address({ to: 'budget', id: 'all ai' })).toBe('/budget/all%20ai')
  expect(address({ to: 'schedule', id: '0198-7' })).toBe('/exports?schedule=0198-7')
  expect(address({ to: 'unpriced' })).toBe('/prices?view=unpriced')
  expect(address({ to: 'prices' })).toBe('/prices')
  expect(address({ to: 'alerts' })).toBe('/alerts')
  expect(address({ to: 'imports' })).toBe('/imports')
})
