import { expect, test } from 'vitest'
import { levelMarks, type Mark, marksOf, placedMarks } from './marks'
import { bucketStarts } from './time'

const RANGE = { from: new Date('2026-11-01T00:00:00Z'), to: new Date('2026-11-06T00:00:00Z') }
const STARTS = bucketStarts(RANGE, 'day', 'UTC')

function mark(at: string, until: string | null = null): Mark {
  const moments = { at: new Date(at), until: until === null ? null : new Date(until) }
  return { key: at, kind: 'note', text: at, link: null, id: null, author: null, ...moments }
}

test('marks stand in the bucket that they fall into, together where it is the same', () => {
  const placed = placedMarks(
    [mark('2026-11-02T10:00:00Z'), mark('2026-11-02T23:59:59Z'), mark('2026-11-05T00:00:00Z')],
    STARTS,
    RANGE.to,
  )

  expect(placed.map(({ at, marks }) => [at, marks.length])).toEqual([
    [1, 2],
    [4, 1],
  ])
})

test('what took a time reaches as far as it did, and what is outside is left out', () => {
  const placed = placedMarks(
    [
      mark('2026-10-20T00:00:00Z', '2026-11-02T12:00:00Z'),
      mark('2026-10-20T00:00:00Z', '2026-10-21T00:00:00Z'),
      mark('2026-11-06T00:00:00Z'),
    ],
    STARTS,
    RANGE.to,
  )

  expect(placed).toMatchObject([{ at: 0, until: 1 }])
  expect(placedMarks([mark('2026-11-02T00:00:00Z')], [], RANGE.to)).toEqual([])
})

test('only what whoever looks may take back has an id', () => {
  const note = {
    kind: 'note',
    text: 'a',
    at: '2026-11-02T10:00:00Z',
    until: null,
    scope: {},
  } as const
  const marks = marksOf([
    { ...note, id: '1', author: 'ada', changeable: true, link: null },
    { ...note, id: '2', author: 'bob', changeable: false, link: null },
  ])

  expect(marks.map(({ id }) => id)).toEqual(['1', null])
  expect(marks.map(({ key }) => key)).toEqual(['1', '2'])
})

test('a new level stands at the midnight of its day, in the words of money', () => {
  const change = {
    date: '2026-11-03',
    first: '2026-11-02',
    last: '2026-11-04',
    before: 5,
    after: 8,
  }
  const [level] = levelMarks([change as never], 'Europe/Berlin', 'USD')

  expect(level?.at.toISOString()).toBe('2026-11-02T23:00:00.000Z')
  expect(level?.text).toBe('From $5.00 to $8.00 a day')
})
