import { expect, test } from 'vitest'
import { csv } from './csv'

test('cells with commas, quotes and line breaks are quoted', () => {
  expect(
    csv(
      ['a', 'b'],
      [
        ['x,y', 'say "hi"'],
        ['two\nlines', null],
      ],
    ),
  ).toBe('a,b\r\n"x,y","say ""hi"""\r\n"two\nlines",\r\n')
})

test('amounts keep every digit and their sign', () => {
  expect(csv(['spend'], [['-12.345678901'], [3]])).toBe('spend\r\n-12.345678901\r\n3\r\n')
})

test('a name that looks like a formula is not run by a spreadsheet', () => {
  expect(csv(['model'], [['=HYPERLINK("x")'], ['@sum'], ['-x']])).toBe(
    'model\r\n"\'=HYPERLINK(""x"")"\r\n\'@sum\r\n\'-x\r\n',
  )
})
