import { expect, test } from 'vitest'
import {
  type ColumnFacts,
  chosenColumns,
  columnsWord,
  pressedSort,
  readSort,
  sortedRows,
  sortWord,
  tableCsv,
  visibleSlice,
} from './table'

interface Row {
  name: string
  spend: bigint | null
}

const columns: ColumnFacts<Row>[] = [
  { id: 'name', title: 'Name', order: ({ name }) => name, text: ({ name }) => name },
  { id: 'spend', title: 'Spend', order: ({ spend }) => spend, text: ({ spend }) => String(spend) },
  { id: 'note', title: 'Note', isOptional: true },
]
const rows: Row[] = [
  { name: 'b', spend: 2n },
  { name: 'a', spend: null },
  { name: 'other', spend: 9n },
  { name: 'c', spend: 10n ** 20n },
]
const names = (sort: string) =>
  sortedRows(rows, readSort(sort, columns), columns, ({ name }) => name === 'other').map(
    ({ name }) => name,
  )

test('figures are ordered the most first, words from A on, and nothing stands last', () => {
  expect(names('spend')).toEqual(['c', 'b', 'a', 'other'])
  expect(names('-spend')).toEqual(['b', 'c', 'a', 'other'])
  expect(names('name')).toEqual(['a', 'b', 'c', 'other'])
  expect(names('-name')).toEqual(['c', 'b', 'a', 'other'])
})

test('what no column is called, or what has no order, sorts nothing', () => {
  expect(readSort('nothing', columns)).toBeNull()
  expect(readSort('note', columns)).toBeNull()
  expect(readSort(null, columns)).toBeNull()
  expect(names('nothing')).toEqual(['b', 'a', 'other', 'c'])
})

test('a head that is pressed again turns its order around', () => {
  expect(pressedSort(null, 'spend')).toBe('spend')
  expect(pressedSort(readSort('spend', columns), 'spend')).toBe('-spend')
  expect(pressedSort(readSort('-spend', columns), 'spend')).toBe('spend')
  expect(pressedSort(readSort('spend', columns), 'name')).toBe('name')
})

test('the order is told by what it means for figures and for words', () => {
  const word = (column: number, sort: string) =>
    sortWord(columns[column] as ColumnFacts<Row>, readSort(sort, columns), rows[0])

  expect(word(1, 'spend')).toBe('descending')
  expect(word(1, '-spend')).toBe('ascending')
  expect(word(0, 'name')).toBe('ascending')
  expect(word(0, '-name')).toBe('descending')
  expect(word(0, 'spend')).toBeUndefined()
})

test('columns are those that the address names, and the usual ones are not named', () => {
  const ids = (text: string | null) => chosenColumns(text, columns).map(({ id }) => id)

  expect(ids(null)).toEqual(['name', 'spend'])
  expect(ids('note,name')).toEqual(['name', 'note'])
  expect(ids('nothing')).toEqual(['name', 'spend'])
  expect(columnsWord(['spend', 'name'], columns)).toBeNull()
  expect(columnsWord(['name', 'note'], columns)).toBe('name,note')
})

test('a file has the columns that have a text', () => {
  expect(tableCsv(rows.slice(0, 1), columns)).toBe('Name,Spend\r\nb,2\r\n')
})

test('only the rows on the screen are drawn, with some to spare', () => {
  expect(visibleSlice(10_000, 40, 0, 800, 10)).toEqual({ first: 0, end: 30 })
  expect(visibleSlice(10_000, 40, -4_000, 800, 10)).toEqual({ first: 90, end: 130 })
  expect(visibleSlice(10_000, 40, -400_000, 800, 10)).toEqual({ first: 9_990, end: 10_000 })
  expect(visibleSlice(3, 40, 500, 800, 10)).toEqual({ first: 0, end: 3 })
  expect(visibleSlice(0, 40, 0, 800, 10)).toEqual({ first: 0, end: 0 })
})
