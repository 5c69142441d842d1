import { expect, test } from 'vitest'
import { parseAmount } from './amount'
import { explains, roundedAmount, unitPriceWords } from './lines'

const line = (meter: string, unit_price: string, amount: string) => ({
  meter,
  quantity: 1,
  unit_price,
  amount,
})

test('lines explain an amount that they come to once rounded, and no other', () => {
  const lines = [
    line('input_tokens', '0.0000025', '0.003'),
    line('output_tokens', '0.00001', '0.00000000049'),
    line('requests', '0', '0.00000000001'),
  ]
  expect(explains(lines, parseAmount('0.003000001'))).toBe(true)
  expect(explains(lines, parseAmount('0.003'))).toBe(false)
  expect(explains([], parseAmount('0'))).toBe(false)
})

test('a decimal of any length is rounded half away from zero', () => {
  expect(roundedAmount('1.0000000005')).toBe(1_000_000_001n)
  expect(roundedAmount('-1.0000000005')).toBe(-1_000_000_001n)
  expect(roundedAmount('12')).toBe(12_000_000_000n)
})

test('tokens are priced by the million, and other units one by one', () => {
  expect(unitPriceWords(line('input_tokens', '0.0000025', '0'), 'USD')).toBe('$2.50 per M')
  expect(unitPriceWords(line('cache_read_tokens', '0.000000075', '0'), 'USD')).toBe('$0.075 per M')
  expect(unitPriceWords(line('characters', '0.00018', '0'), 'USD')).toBe('$180.00 per M')
  expect(unitPriceWords(line('images', '0.04', '0'), 'USD')).toBe('$0.04')
})
