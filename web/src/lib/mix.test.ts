import { expect, test } from 'vitest'
import type { Amount } from './amount'
import { amountEach, cachedShare, tokenMix } from './mix'

test('the classes of tokens add up to all of them, and empty ones are left out', () => {
  const mix = tokenMix({
    tokens: 1_000,
    input_tokens: 600,
    output_tokens: 250,
    cache_read_tokens: 0,
  })

  expect(mix).toEqual([
    { label: 'Input', tokens: 600, share: 600 },
    { label: 'Output', tokens: 250, share: 250 },
    { label: 'Other', tokens: 150, share: 150 },
  ])
  expect(mix.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(1_000)
})

test('nothing used is made of nothing', () => {
  expect(tokenMix({ tokens: 0 })).toEqual([])
})

test('the cached share is of what was read, and not of what was written out', () => {
  expect(cachedShare({ input_tokens: 100, cache_read_tokens: 300, output_tokens: 10_000 })).toBe(
    750,
  )
  expect(cachedShare({ output_tokens: 10 })).toBeNull()
})

test('what one costs is rounded to the billionth, halves away from zero', () => {
  expect(amountEach(10n as Amount, 4)).toBe(3n)
  expect(amountEach(-10n as Amount, 4)).toBe(-3n)
  expect(amountEach(9n as Amount, 4)).toBe(2n)
  expect(amountEach(9n as Amount, 0)).toBeNull()
  expect(amountEach(undefined, 3)).toBeNull()
})
