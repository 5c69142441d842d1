import { describe, expect, test } from 'vitest'
import {
  fieldText,
  formatBytes,
  formatChange,
  formatCount,
  formatCountExactly,
  formatDuration,
  formatShare,
  plural,
  quantityNumber,
  readNumber,
  readWhole,
} from './number'

test('counts are exact while they are short, then have a unit', () => {
  expect(formatCount(0)).toBe('0')
  expect(formatCount(9_876)).toBe('9,876')
  expect(formatCount(12_400)).toBe('12.4\u202fK')
  expect(formatCount(999_949)).toBe('999.9\u202fK')
  expect(formatCount(999_950)).toBe('1.0\u202fM')
  expect(formatCount(3_100_000)).toBe('3.1\u202fM')
  expect(formatCount(2_000_000_000)).toBe('2.0\u202fB')
  expect(formatCount(-12_400)).toBe('−12.4\u202fK')
})

test('the exact count has all its digits', () => {
  expect(formatCountExactly(12_345_678)).toBe('12,345,678')
  expect(formatCountExactly(1234.5)).toBe('1,234.5')
  expect(formatCountExactly(0.000001)).toBe('0.000001')
})

test('quantities come as numbers or as decimal text', () => {
  expect(quantityNumber(12)).toBe(12)
  expect(quantityNumber('12.5')).toBe(12.5)
  expect(quantityNumber(undefined)).toBe(0)
})

test('percentages have a sign, and a tenth while it matters', () => {
  expect(formatChange(380)).toBe('+38\u202f%')
  expect(formatChange(-42)).toBe('−4.2\u202f%')
  expect(formatChange(0)).toBe('±0\u202f%')
  expect(formatShare(4)).toBe('0.4\u202f%')
  expect(formatShare(1000)).toBe('100\u202f%')
  expect(formatShare(0)).toBe('0\u202f%')
})

test('a change of many times is a factor', () => {
  expect(formatChange(13_000)).toBe('×14')
})

test('durations are in the unit people would say', () => {
  expect(formatDuration(0.25)).toBe('0.25\u202fms')
  expect(formatDuration(840.4)).toBe('840\u202fms')
  expect(formatDuration(2_310)).toBe('2.31\u202fs')
  expect(formatDuration(245_000)).toBe('4\u202fmin 5\u202fs')
  expect(formatDuration(7_380_000)).toBe('2\u202fh 3\u202fmin')
})

test('one is not plural', () => {
  expect(plural(1, 'event')).toBe('1 event')
  expect(plural(0, 'event')).toBe('0 events')
  expect(plural(2, 'key')).toBe('2 keys')
})

test('space has the unit in which it is short', () => {
  expect(formatBytes(0)).toBe('0\u202fB')
  expect(formatBytes(840)).toBe('840\u202fB')
  expect(formatBytes(2_228_224)).toBe('2.2\u202fMB')
  expect(formatBytes(999_960)).toBe('1.0\u202fMB')
  expect(formatBytes(47_419_752_448)).toBe('47.4\u202fGB')
})

describe('a number that somebody wrote', () => {
  test.each([
    ['1,50', '1.5'],
    ['1.50', '1.5'],
    [',5', '0.5'],
    ['.5', '0.5'],
    ['0,125', '0.125'],
    ['0.125', '0.125'],
    ['1234,500', '1234.5'],
    ['1,500.50', '1500.5'],
    ['1.500,50', '1500.5'],
    ['1,500.500', '1500.5'],
    ['12,345,678', '12345678'],
    ['12.345.678', '12345678'],
    ['12.345.678,9', '12345678.9'],
    ['1 500', '1500'],
    ['1\u202f500,25', '1500.25'],
    ["1'500.25", '1500.25'],
    ['  250 ', '250'],
    ['007', '7'],
    ['1.123456789', '1.123456789'],
    ['0', '0'],
  ])('%s is %s', (written, text) => {
    expect(readNumber(written)).toEqual({ text })
  })

  test('that may be thousands or decimals is not guessed at', () => {
    expect(readNumber('1,500')).toEqual({ words: '1,500 may be 1500 or 1.50. Write one of these.' })
    expect(readNumber('12.345')).toEqual({
      words: '12.345 may be 12345 or 12.3450. Write one of these.',
    })
  })

  test.each([
    '',
    'lots',
    '-5',
    '$5',
    '1e3',
    '5.',
    '1,50,00',
    '1,2345,678',
    '1.5,00.1',
    '1,234.567,890',
    '12 34',
    '1 5000',
    ',',
    '1..5',
    '0x10',
    '٣',
  ])('%j is none', (written) => {
    expect(readNumber(written)).toEqual({ words: 'Write a number such as 250 or 1999.50.' })
  })

  test('keeps to what can be kept', () => {
    expect(readNumber('1.1234567891')).toEqual({ words: 'Write 9 decimals at most.' })
  })

  test('is read the same whoever wrote it', () => {
    let seed = 7
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
      return seed % below
    }
    for (let round = 0; round < 2_000; round++) {
      const units = String(random(10 ** (1 + random(9))))
      const decimals = String(1 + random(99)).padStart(2, '0')
      const expected = `${units}.${decimals}`.replace(/0+$/, '')
      for (const [thousand, point] of [
        ['', '.'],
        ['', ','],
        [',', '.'],
        ['.', ','],
        [' ', ','],
        ['\u202f', ','],
        ["'", '.'],
      ] as const) {
        const grouped = units.replace(/\B(?=(\d{3})+$)/g, thousand)
        expect(readNumber(grouped + point + decimals), grouped + point + decimals).toEqual({
          text: expected,
        })
      }
    }
  })

  test('comes back from its field as what it was', () => {
    for (const text of ['5', '12.5', '12.125', '0.125', '1234.125', '1.123456789', '999.001']) {
      expect(readNumber(fieldText(text))).toEqual({ text })
    }
  })
})

test('whole numbers have bounds', () => {
  expect(readWhole('30', 1, 366)).toBe(30)
  expect(readWhole('1 000', 1, 1_000)).toBe(1_000)
  expect(readWhole('1,5', 1, 1_000)).toBeNull()
  expect(readWhole('0', 1, 366)).toBeNull()
  expect(readWhole('367', 1, 366)).toBeNull()
  expect(readWhole('', 1, 366)).toBeNull()
})
