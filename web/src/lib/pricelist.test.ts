import { expect, test } from 'vitest'
import {
  byModel,
  conditionsText,
  ownPrice,
  type PriceRow,
  saidPrice,
  search,
  usedKey,
} from './pricelist'

const row = (change: Partial<PriceRow>): PriceRow => ({
  provider: 'openai',
  model: 'gpt-4o',
  meter: 'input_tokens',
  unit: 1,
  price: '0.0000025',
  conditions: null,
  valid_from: null,
  valid_to: null,
  by_maker: (change.provider ?? 'openai') === 'openai',
  ...change,
})

test('a price per token is said per million, with every digit', () => {
  expect(saidPrice(row({}))).toBe('$2.50')
  expect(saidPrice(row({ price: '0.000000075' }))).toBe('$0.075')
  expect(saidPrice(row({ unit: 1000, price: '0.0025' }))).toBe('$2.50')
  expect(saidPrice(row({ unit: 1_000_000, price: '2.5' }))).toBe('$2.50')
  expect(saidPrice(row({ meter: 'images', price: '0.04' }))).toBe('$0.04')
})

test('a price for an odd number of units keeps its own', () => {
  const hour = row({ meter: 'seconds', unit: 3600, price: '0.36' })
  expect(saidPrice(hour)).toBeNull()
  expect(ownPrice(hour)).toBe('$0.36 per 3,600')
})

test('rows are gathered by model; the plain price is the one valid now without conditions', () => {
  const rows = [
    row({ price: '0.000005', valid_to: '2025-01-01T00:00:00Z' }),
    row({ price: '0.0000025', valid_from: '2025-01-01T00:00:00Z' }),
    row({ price: '0.00000125', conditions: { batch: true } }),
    row({ provider: 'anthropic', model: 'claude-sonnet-4' }),
  ]
  const models = byModel(rows, new Date('2025-06-01T00:00:00Z'))
  expect(models.map(({ model }) => model)).toEqual(['claude-sonnet-4', 'gpt-4o'])
  expect(models[1]?.plain.get('input_tokens')?.price).toBe('0.0000025')
  expect(models[1]?.rows).toHaveLength(3)
})

test('conditions are said in words', () => {
  expect(conditionsText({ batch: true, tier: 'priority', region: null })).toBe(
    'batch, tier priority',
  )
  expect(conditionsText('priority,>272000')).toBe('priority,>272000')
  expect(conditionsText({})).toBe('')
})

test('search wants every word, in the provider or the model', () => {
  const models = byModel(
    [row({}), row({ provider: 'azure' }), row({ model: 'gpt-4o-mini' })],
    new Date(),
  )
  expect(search(models, 'openai 4o').map(({ model }) => model)).toEqual(['gpt-4o', 'gpt-4o-mini'])
  expect(search(models, 'MINI')).toHaveLength(1)
  expect(search(models, '')).toHaveLength(3)
})

test('a name finds its maker first, whoever sells it too', () => {
  const models = byModel(
    ['azure', 'github_copilot', 'openai', 'abacus'].flatMap((provider) => [
      row({ provider }),
      row({ provider, model: 'gpt-4o-mini' }),
    ]),
    new Date(),
  )
  const found = search(models, 'gpt-4o').map(({ provider, model }) => `${provider} ${model}`)
  expect(found[0]).toBe('openai gpt-4o')
  expect(found).toHaveLength(8)
})

test('what is in use stands first', () => {
  const models = byModel(
    [
      row({ provider: 'abacus' }),
      row({ model: 'gpt-4o-mini' }),
      row({ provider: 'x-ai', model: 'grok' }),
    ],
    new Date(),
  )
  const used = new Map([
    [usedKey('X_AI', 'Grok'), 3],
    [usedKey('openai', 'gpt-4o-mini'), 7],
  ])
  expect(search(models, '', used).map(({ model }) => model)).toEqual([
    'gpt-4o-mini',
    'grok',
    'gpt-4o',
  ])
})
