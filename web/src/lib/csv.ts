/** One cell: text, or a number that is written as it is. */
export type Cell = string | number | null

/** Rows as CSV (RFC 4180). Exact amounts come in as decimal text and stay so. */
export function csv(head: string[], rows: Cell[][]): string {
  return [head, ...rows]
    .map((row) => row.map(cellText).join(','))
    .join('\r\n')
    .concat('\r\n')
}

function cellText(cell: Cell): string {
  const text = cell === null ? '' : harmless(cell)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/**
 * A name that begins like a formula would be run by a spreadsheet. Numbers may begin with a minus.
 */
function harmless(cell: string | number): string {
  const text = String(cell)
  return /^[=+\-@\t\r]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text) ? `'${text}` : text
}
