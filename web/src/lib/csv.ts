import { dayOf, type Range } from './time'

/** What a table has in a cell; nothing is an empty one. */
export type Cell = string | number | null

/** A table as RFC 4180 has it, with a line of names. */
export function csvText(columns: string[], rows: Cell[][]): string {
  return [columns, ...rows].map((cells) => `${cells.map(quoted).join(',')}\r\n`).join('')
}

function quoted(cell: Cell): string {
  const text = safe(cell === null ? '' : String(cell))
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** A text that no spreadsheet takes for a formula; a minus before a number is a minus. */
function safe(text: string): string {
  return /^[=+\-@\t\r]/.test(text) && !/^-[\d.]+$/.test(text) ? `'${text}` : text
}

/** An address that holds the text itself, for what the server writes no file of. */
export function csvDataHref(text: string): string {
  return `data:text/csv;charset=utf-8,${encodeURIComponent(text)}`
}

/** A file's name that says what it holds: `outlay-spend-by-model-2026-11-01-to-2026-11-30`. */
export function csvName(what: string[], { from, to }: Range, tz: string): string {
  const [first, last] = [dayOf(from, tz), dayOf(new Date(to.getTime() - 1), tz)]
  const days = first === last ? [first] : [first, 'to', last]
  const words = ['outlay', ...what, ...days].join('-').toLowerCase()
  // What no file system and no shell stumbles over.
  return words.replace(/[^a-z0-9-]+/g, '-').replace(/-+/g, '-')
}
