import { groupThousands } from './amount'

/** A thin space that does not break, between a number and its unit. */
export const THIN = '\u202f'

/** A quantity as the API writes it: a JSON integer where it is whole, a decimal string elsewhere. */
export type WireQuantity = number | string

export function quantityNumber(quantity: WireQuantity | null | undefined): number {
  return quantity == null ? 0 : Number(quantity)
}

/** Tokens, requests: `9,876`, `12.4 K`, `3.1 M`. Show [`formatCountExactly`] on hover. */
export function formatCount(count: number): string {
  const size = Math.abs(count)
  if (size < 10_000) return formatCountExactly(count)
  for (const [unit, name] of [
    [1e3, 'K'],
    [1e6, 'M'],
    [1e9, 'B'],
    [1e12, 'T'],
  ] as const) {
    // 999,950 would read "1000.0 K": what rounds up to the next unit is shown in it.
    if (size < unit * 999.95) return `${signed(count)}${(size / unit).toFixed(1)}${THIN}${name}`
  }
  return formatCountExactly(count)
}

/** All digits of a quantity, at most the six decimals that are kept. */
export function formatCountExactly(count: number): string {
  const [units = '0', decimals] = trimmed(Math.abs(count)).split('.')
  return signed(count) + groupThousands(units) + (decimals ? `.${decimals}` : '')
}

function trimmed(size: number): string {
  return Number.isInteger(size) ? String(size) : size.toFixed(6).replace(/\.?0+$/, '')
}

function signed(count: number): string {
  return count < 0 ? '−' : ''
}

/** `"38 %"`, `"0.4 %"`; whole percents from ten on, where a tenth says nothing. */
export function formatShare(tenths: number): string {
  if (tenths > 0 && tenths < 1) return `<0.1${THIN}%`
  return `${percentDigits(Math.abs(tenths))}${THIN}%`
}

/** A change with its sign: `"+38 %"`, `"−4.2 %"`, `"±0 %"`. Above tenfold it is a factor: `"×14"`. */
export function formatChange(tenths: number): string {
  if (tenths >= 9_950) return `×${formatCount(Math.round(tenths / 1000 + 1))}`
  const sign = tenths > 0 ? '+' : tenths < 0 ? '−' : '±'
  return `${sign}${percentDigits(Math.abs(tenths))}${THIN}%`
}

function percentDigits(tenths: number): string {
  if (tenths === 0) return '0'
  return tenths < 100 ? (tenths / 10).toFixed(1) : String(Math.round(tenths / 10))
}

/** Space on a disk or in memory, in decimal units: `840 B`, `2.2 MB`, `47.4 GB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let [size, at] = [bytes, 0]
  while (size >= 999.95 && at < units.length - 1) {
    size /= 1000
    at += 1
  }
  return `${at === 0 ? size : size.toFixed(1)}${THIN}${units[at]}`
}

/** `"840 ms"`, `"2.31 s"`, `"4 min 5 s"`. */
export function formatDuration(ms: number): string {
  if (ms < 1) return `${Number(ms.toPrecision(2))}${THIN}ms`
  if (ms < 1_000) return `${Math.round(ms)}${THIN}ms`
  if (ms < 59_995) return `${(ms / 1_000).toFixed(2)}${THIN}s`
  const seconds = Math.round(ms / 1_000)
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}${THIN}min ${seconds % 60}${THIN}s`
  return `${Math.floor(seconds / 3_600)}${THIN}h ${Math.round((seconds % 3_600) / 60)}${THIN}min`
}

/** Names a number of things: `plural(1, 'event')` is `"1 event"`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}
