import { expect, test } from 'vitest'
import {
  emptyRemedy,
  metersOf,
  type RemedyForm,
  readMoment,
  remedyCommands,
  remedyOf,
  type Unpriced,
  unitWords,
} from './remedy'

const unpriced: Unpriced = {
  provider: 'acme-ai',
  model: 'vision-2',
  service: null,
  events: 12,
  partly_priced: 0,
  meters: { images: 3, output_tokens: 10, input_tokens: 1000 },
  first_at: '2026-11-01T12:00:00.5Z',
  last_at: '2026-11-02T12:00:00Z',
}

function remedy(prices: Record<string, string>, from = unpriced.first_at) {
  return remedyOf(unpriced, { prices, from } satisfies RemedyForm)
}

test('the form has every meter that was seen, and no price is invented', () => {
  expect(emptyRemedy(unpriced)).toEqual({
    prices: { input_tokens: '', output_tokens: '', images: '' },
    from: '2026-11-01T12:00:00.5Z',
  })
  expect(metersOf(unpriced)).toEqual(['input_tokens', 'output_tokens', 'images'])
  expect(['input_tokens', 'images', 'seconds'].map(unitWords)).toEqual([
    'per 1M',
    'each',
    'per second',
  ])
})

test('calls have a price asked for only where nothing else was counted', () => {
  expect(metersOf({ ...unpriced, meters: { requests: 2, images: 1 } })).toEqual(['images'])
  expect(metersOf({ ...unpriced, meters: { requests: 2 } })).toEqual(['requests'])
})

test('prices hold since the first event, tokens per million and pictures each', () => {
  const valid_from = '2026-11-01T12:00:00.5Z'
  expect(remedy({ input_tokens: '2,5', images: '0.04', output_tokens: '' })).toEqual({
    provider: 'acme-ai',
    model: 'vision-2',
    prices: [
      {
        provider: 'acme-ai',
        model: 'vision-2',
        meter: 'input_tokens',
        price: '2.5',
        unit: 1_000_000,
        valid_from,
      },
      {
        provider: 'acme-ai',
        model: 'vision-2',
        meter: 'images',
        price: '0.04',
        unit: 1,
        valid_from,
      },
    ],
  })
})

test('what cannot be read is refused at its field', () => {
  expect(remedy({ input_tokens: 'two' })).toMatchObject({ field: 'prices.input_tokens' })
  expect(remedy({})).toMatchObject({
    field: 'prices.input_tokens',
    words: expect.stringContaining('free'),
  })
  expect(remedy({ images: '1' }, 'yesterday')).toMatchObject({ field: 'from' })
  const nobody = remedyOf(
    { ...unpriced, provider: null },
    { prices: { images: '1' }, from: '2026-11-01' },
  )
  expect(nobody).toMatchObject({ field: '', words: expect.stringContaining('no provider') })
})

test('usage of a service without a provider is priced under its service', () => {
  const own = { ...unpriced, provider: null, model: null, service: 'search' }
  const made = remedyOf(own, { prices: { images: '1' }, from: '2026-11-01' })
  expect(made).toMatchObject({ service: 'search', prices: [{ provider: 'search', model: '*' }] })
  expect(made).not.toHaveProperty('model')
})

test('a moment is a day or a time with its zone', () => {
  expect(readMoment('2026-11-01')).toBe('2026-11-01T00:00:00Z')
  expect(readMoment(' 2026-11-01T08:00:00+01:00 ')).toBe('2026-11-01T08:00:00+01:00')
  expect(readMoment('2026-11-01T08:00:00')).toBeNull()
  expect(readMoment('2026-13-01')).toBeNull()
})

test('names that others gave are words to the shell, and nothing else', () => {
  const made = remedyOf(
    { ...unpriced, model: "it's; reboot" },
    { prices: { images: '0.04' }, from: '2026-11-01' },
  )
  if (!('prices' in made)) throw new Error('a remedy was written')
  expect(remedyCommands(made)).toBe(
    "outlay prices set --provider acme-ai --model 'it'\\''s; reboot' --from 2026-11-01T00:00:00Z --meter images --price 0.04\n" +
      "outlay prices rerate --provider acme-ai --model 'it'\\''s; reboot' --apply",
  )
})
