import { describe, expect, test } from 'vitest'
import {
  amountText,
  exactPrecisionOf,
  formatAmount,
  formatAmountAt,
  formatAmountExactly,
  formatAmountShort,
  parseAmount,
  precisionOf,
  shiftDecimal,
  sumAmounts,
} from './amount'

const amount = (text: string) => parseAmount(text)

describe('an amount on the wire', () => {
  test('is read and written without losing a digit', () => {
    for (const text of ['0', '12.5', '-12.5', '0.000000001', '9223372036.854775807', '-0.1']) {
      expect(amountText(amount(text))).toBe(text)
    }
  })

  test('that is not one fails loudly', () => {
    for (const text of ['', '1e3', '1.', '.5', '0.1234567891', 'NaN', '1,000', '+1']) {
      expect(() => amount(text)).toThrow(`not an amount: ${text}`)
    }
  })

  test('sums exactly where floats would not', () => {
    const tenths = Array.from({ length: 10 }, () => amount('0.1'))
    expect(amountText(sumAmounts(tenths))).toBe('1')
    const large = [amount('9007199.254740993'), amount('0.000000001')]
    expect(amountText(sumAmounts(large))).toBe('9007199.254740994')
  })
})

describe('an amount for reading', () => {
  test.each([
    ['0', '$0.00'],
    ['1234567.891', '$1,234,567.89'],
    ['0.01', '$0.01'],
    ['0.125', '$0.13'],
    ['-3.5', '−$3.50'],
    ['999.995', '$1,000.00'],
  ])('%s has cents: %s', (text, shown) => {
    expect(formatAmount(amount(text))).toBe(shown)
  })

  test.each([
    ['0.000123', '$0.000123'],
    ['0.0012', '$0.00120'],
    ['0.001234567', '$0.00123'],
    ['0.000000001', '$0.000000001'],
    ['0.000000012', '$0.000000012'],
    ['-0.00456789', '−$0.00457'],
    ['0.009999', '$0.01'],
    ['0.00999', '$0.00999'],
  ])('%s below a cent has three significant digits: %s', (text, shown) => {
    expect(formatAmount(amount(text))).toBe(shown)
  })

  test('shows every digit on hover', () => {
    expect(formatAmountExactly(amount('1234.500000001'))).toBe('$1,234.500000001')
    expect(formatAmountExactly(amount('3'))).toBe('$3.00')
    expect(formatAmountExactly(amount('-0.5'))).toBe('−$0.50')
  })

  test('takes the sign of its currency, or the code where there is none', () => {
    expect(formatAmount(amount('5'), 'EUR')).toBe('€5.00')
    expect(formatAmount(amount('5'), 'CHF')).toBe('CHF 5.00')
  })

  test('is short on an axis', () => {
    expect(formatAmountShort(0)).toBe('$0')
    expect(formatAmountShort(0.0005)).toBe('$0.0005')
    expect(formatAmountShort(2.5)).toBe('$2.50')
    expect(formatAmountShort(1500)).toBe('$1,500')
    expect(formatAmountShort(12_000)).toBe('$12\u202fK')
    expect(formatAmountShort(2_500_000)).toBe('$2.5\u202fM')
  })
})

test('a price per token becomes one per million without a float', () => {
  expect(shiftDecimal('0.00000015', 6)).toBe('0.15')
  expect(shiftDecimal('0.0000025', 6)).toBe('2.5')
  expect(shiftDecimal('3', 6)).toBe('3000000')
  expect(shiftDecimal('0.000000000375', 6)).toBe('0.000375')
  expect(shiftDecimal('0', 6)).toBe('0')
})

test('amounts of one table have one precision, as fine as the smallest needs and the largest allows', () => {
  const shown = (...texts: string[]) => {
    const amounts = texts.map(parseAmount)
    const precision = precisionOf(amounts)
    return amounts.map((amount) => formatAmountAt(amount, precision))
  }
  expect(shown('0.02', '0.002')).toEqual(['$0.0200', '$0.0020'])
  expect(shown('0.000137', '0.04', '0')).toEqual(['$0.00014', '$0.04000', '$0.00000'])
  expect(shown('1.5', '20')).toEqual(['$1.50', '$20.00'])
  expect(shown('2144.07', '0.000123')).toEqual(['$2,144.070', '<$0.001'])
  expect(shown('1300000000', '0.0001', '-0.0001')).toEqual(['$1,300,000,000', '<$1', '<−$1'])
  expect(shown()).toEqual([])
})

test('amounts of which every digit counts have as many decimals as the one that needs most', () => {
  const shown = (...texts: string[]) => {
    const amounts = texts.map(amount)
    return amounts.map((each) => formatAmountAt(each, exactPrecisionOf(amounts)))
  }
  expect(shown('0.00015', '0.0003')).toEqual(['$0.00015', '$0.00030'])
  expect(shown('2', '0.5')).toEqual(['$2.00', '$0.50'])
  expect(shown('1234', '0.000000001')).toEqual(['$1,234.000000000', '$0.000000001'])
})
