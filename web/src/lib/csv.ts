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
