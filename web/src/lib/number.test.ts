import { expect, test } from 'vitest'
import {
  formatBytes,
  formatChange,
  formatCount,
  formatCountExactly,
  formatDuration,
  formatShare,
  plural,
  quantityNumber,
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
