import { type Cell, csvText } from './csv'

/** What rows are ordered by: a column, and whether its usual order is turned around. */
export interface Sort {
  column: string
  isReversed: boolean
}

/** What a row is ordered by in a column; nothing stands last, whatever the order. */
export type SortKey = number | bigint | string | null

/** How a column is ordered, and what stands in a file of it. */
export interface ColumnFacts<Row> {
  id: string
  title: string
  /** What it is ordered by: figures the most first, words from A on. */
  order?: (row: Row) => SortKey
  /** What stands in a file. */
  text?: (row: Row) => Cell
  /** Whether its title is for those who are read to, and no figure stands under it. */
  hidesTitle?: boolean
  /** Whether it is shown only where somebody chose it. */
  isOptional?: boolean
}

/** Reads `spend`, or `-spend` for the order turned around, as the address has it. */
export function readSort<Row>(text: string | null, columns: ColumnFacts<Row>[]): Sort | null {
  const column = text?.replace(/^-/, '') ?? ''
  const isKnown = columns.some(({ id, order }) => id === column && order)
  return isKnown ? { column, isReversed: text?.startsWith('-') ?? false } : null
}

/** What the address says once somebody pressed the head of a column. */
export function pressedSort(sort: Sort | null, column: string): string {
  return sort?.column === column && !sort.isReversed ? `-${column}` : column
}

/** The rows in order; those that `isLast` says stay last. Equal rows keep their order. */
export function sortedRows<Row>(
  rows: Row[],
  sort: Sort | null,
  columns: ColumnFacts<Row>[],
  isLast: (row: Row) => boolean = () => false,
): Row[] {
  const order = columns.find(({ id }) => id === sort?.column)?.order
  if (!sort || !order) return rows
  const way = sort.isReversed ? -1 : 1
  return rows
    .map((row) => ({ row, key: order(row), last: Number(isLast(row)) }))
    .sort((a, b) => a.last - b.last || compare(a.key, b.key, way))
    .map(({ row }) => row)
}

function compare(a: SortKey, b: SortKey, way: number): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null)
  if (typeof a === 'string' && typeof b === 'string') return way * a.localeCompare(b, 'en')
  return way * (a < b ? 1 : a > b ? -1 : 0)
}

/** How a column is sorted, as readers of the screen are told. */
export function sortWord<Row>(
  column: ColumnFacts<Row>,
  sort: Sort | null,
  sample: Row | undefined,
): 'ascending' | 'descending' | undefined {
  if (sort?.column !== column.id) return undefined
  const isWords = sample !== undefined && typeof column.order?.(sample) === 'string'
  return isWords === sort.isReversed ? 'descending' : 'ascending'
}

/** The columns that are shown: those that the address names, in their own order; else the usual. */
export function chosenColumns<Column extends Pick<ColumnFacts<never>, 'id' | 'isOptional'>>(
  text: string | null,
  columns: Column[],
): Column[] {
  const asked = new Set(text?.split(','))
  const chosen = columns.filter(({ id }) => asked.has(id))
  return chosen.length > 0 ? chosen : columns.filter(({ isOptional }) => !isOptional)
}

/** What the address says for a choice of columns; nothing where it is the usual one. */
export function columnsWord(
  chosen: string[],
  columns: Pick<ColumnFacts<never>, 'id' | 'isOptional'>[],
): string | null {
  const usual = columns.filter(({ isOptional }) => !isOptional).map(({ id }) => id)
  const ordered = columns.filter(({ id }) => chosen.includes(id)).map(({ id }) => id)
  return ordered.length === 0 || ordered.join() === usual.join() ? null : ordered.join(',')
}

/** The rows as a file, with the columns that have a text. */
export function tableCsv<Row>(rows: Row[], columns: ColumnFacts<Row>[]): string {
  const written = columns.filter(({ text }) => text)
  return csvText(
    written.map(({ title }) => title),
    rows.map((row) => written.map(({ text }) => text?.(row) ?? null)),
  )
}

/** Which rows of a long table are drawn. */
export interface Slice {
  first: number
  /** Behind the last. */
  end: number
}

/** The rows within a window of the screen and some around it, for rows of one height. */
export function visibleSlice(
  count: number,
  rowHeight: number,
  top: number,
  windowHeight: number,
  spare: number,
): Slice {
  const first = Math.floor(-top / rowHeight) - spare
  const end = Math.ceil((windowHeight - top) / rowHeight) + spare
  const start = Math.max(0, Math.min(first, count - 1))
  return { first: start, end: Math.max(start, Math.min(count, end)) }
}
