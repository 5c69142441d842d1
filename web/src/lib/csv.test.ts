import { expect, test } from 'vitest'
import { csvDataHref, csvText } from './csv'

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
