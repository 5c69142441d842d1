import { expect, test } from 'vitest'
import { csvDataHref, csvName, csvText } from './csv'

test('cells are quoted where they would break the line, and nothing is empty', () => {
  const rows = [
    ['plain', 1.5, null],
    ['a, b', 'say "so"', 'two\nlines'],
  ]
  expect(csvText(['name', 'share', 'rest'], rows)).toBe(
    'name,share,rest\r\nplain,1.5,\r\n"a, b","say ""so""","two\nlines"\r\n',
  )
})

test('a name is no formula, and a loss stays a number', () => {
  expect(csvText(['name', 'profit'], [['=1+1', '-12.5']])).toBe("name,profit\r\n'=1+1,-12.5\r\n")
})

test('an address keeps every sign of the text', () => {
  const text = csvText(['größe'], [['50 % & #1']])
  const [, kept = ''] = csvDataHref(text).split(/,(.*)/s)
  expect(decodeURIComponent(kept)).toBe(text)
})

test('a file is named for what it holds and of which days', () => {
  const range = { from: new Date('2026-10-31T23:00:00Z'), to: new Date('2026-11-30T23:00:00Z') }
  expect(csvName(['spend', 'by', 'model', 'tag.Feature/x'], range, 'Europe/Berlin')).toBe(
    'outlay-spend-by-model-tag-feature-x-2026-11-01-to-2026-11-30',
  )
  const day = { from: new Date('2026-11-01T06:00:00Z'), to: new Date('2026-11-01T09:00:00Z') }
  expect(csvName(['tokens', 'by', 'hour'], day, 'UTC')).toBe('outlay-tokens-by-hour-2026-11-01')
})
