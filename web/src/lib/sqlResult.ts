import type { SqlAnswer, SqlColumn } from '@/wire'
import type { Cell } from './csv'

/** One row of an answer, by the names of the columns. */
export type SqlRow = SqlAnswer['rows'][number]

/** Whether a column holds figures; wide decimals come as texts, so that no digit is lost. */
export function isFigure({ type }: Pick<SqlColumn, 'type'>): boolean {
  return /^(U?Int|Float|Decimal)/.test(type)
}

/** What a cell says, in a table and in a file. */
export function cellText(value: unknown): Cell {
  if (value === null || value === undefined) return null
  if (typeof value === 'number' || typeof value === 'string') return value
  return typeof value === 'boolean' ? String(value) : JSON.stringify(value)
}

/** What a cell is ordered by. */
export function cellOrder(column: SqlColumn, row: SqlRow): number | string | null {
  const text = cellText(row[column.name])
  if (text === null) return null
  return isFigure(column) ? Number(text) : String(text)
}

/** A bar of the chart of an answer. */
export interface ResultBar {
  label: string
  value: number
  /** Of the longest bar, from 0 to 1. */
  part: number
}

/** Bars that are drawn, at most. */
export const BARS_MAX = 40

/**
 * The answer as bars: each row's first column that is no figure, by the first that is one. Nothing
 * where there is no such pair.
 */
export function resultBars({ columns, rows }: Pick<SqlAnswer, 'columns' | 'rows'>): ResultBar[] {
  const figure = columns.find(isFigure)
  const name =
    columns.find((column) => column !== figure && !isFigure(column)) ??
    columns.find((column) => column !== figure)
  if (!figure || !name) return []
  const bars = rows.slice(0, BARS_MAX).map((row) => ({
    label: String(cellText(row[name.name]) ?? 'not set'),
    value: Number(cellText(row[figure.name]) ?? 0),
  }))
  const longest = Math.max(...bars.map(({ value }) => Math.abs(value)), Number.MIN_VALUE)
  return bars.map((bar) => ({ ...bar, part: Math.abs(bar.value) / longest }))
}

/** The queries that were run, this one first, each once. */
export function withQuery(history: string[], query: string, max: number): string[] {
  const text = query.trim()
  return [text, ...history.filter((one) => one !== text)].slice(0, max)
}
