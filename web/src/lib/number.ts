import { groupThousands } from './amount'

/** A thin space that does not break, between a number and its unit. */
export const THIN = '\u202f'

/** A quantity as the API writes it: a JSON integer where it is whole, a decimal string elsewhere. */
export type WireQuantity = number | string

export function quantityNumber(quantity: WireQuantity | null | undefined): number {
  return quantity == null ? 0 : Number(quantity)
}

/** A number that somebody wrote, as the API takes it, or why it cannot be read as one. */
export type ReadNumber = { text: string } | { words: string }

/** What the API keeps of a number behind its point. */
const DECIMALS_MAX = 9

/** Marks that part thousands and nothing else, wherever people come from. */
const SPACES = /(?<=\d)[\s'’](?=\d)/g

/**
 * Reads a number as people write it, with a point or a comma before the decimals.
 *
 * The last mark is the decimal one where both stand, `1,234.50` and `1.234,50`; a mark that comes
 * twice parts thousands, `1,234,567`; and so does a space or an apostrophe. One mark before three
 * digits may be either, `1,500`: that is refused, because a guess would be off a thousandfold.
 */
export function readNumber(written: string, example = '250 or 1999.50'): ReadNumber {
  const cannot = { words: `Write a number such as ${example}.` }
  const text = written.trim()
  if (!isGrouped(text, /[\s'’]/, /[\s'’.,]/)) return cannot
  const bare = text.replace(SPACES, '')
  if (!/^[\d.,]*\d$/.test(bare)) return cannot
  const marks = bare.replace(/\d/g, '')
  const last = marks.at(-1) ?? ''
  const isDecimal = marks !== '' && marks.indexOf(last) === marks.length - 1
  const cut = isDecimal ? bare.lastIndexOf(last) : bare.length
  const [whole, decimals] = [bare.slice(0, cut), bare.slice(cut + 1)]
  if (
    marks.length === 1 &&
    bare === text &&
    /^[1-9]\d{0,2}$/.test(whole) &&
    decimals.length === 3
  ) {
    const short = decimals.replace(/0+$/, '').padEnd(2, '0')
    const other = fieldText(`${whole}.${short}`)
    return { words: `${text} may be ${whole}${decimals} or ${other}. Write one of these.` }
  }
  // Marks of two kinds, of which the first one comes again after the other.
  if (new Set(marks.slice(0, isDecimal ? -1 : undefined)).size > 1) return cannot
  if (!isGrouped(whole, /[.,]/, /[.,]/)) return cannot
  if (decimals.length > DECIMALS_MAX) return { words: `Write ${DECIMALS_MAX} decimals at most.` }
  const units = whole.replace(/[.,]/g, '').replace(/^0+(?=\d)/, '') || '0'
  const rest = decimals.replace(/0+$/, '')
  return { text: rest ? `${units}.${rest}` : units }
}

/** Whether what stands between marks is a thousand's three digits, one to three at first. */
function isGrouped(text: string, mark: RegExp, end: RegExp): boolean {
  const [first = '', ...groups] = text.split(mark)
  if (groups.length === 0) return true
  const until = (group: string) => group.split(end)[0] ?? ''
  return /^\d{1,3}$/.test(first) && groups.every((group) => /^\d{3}$/.test(until(group)))
}

/** Reads a whole number between bounds; `null` where it is none. */
export function readWhole(written: string, min: number, max: number): number | null {
  const read = readNumber(written)
  if (!('text' in read) || !/^\d{1,15}$/.test(read.text)) return null
  const value = Number(read.text)
  return min <= value && value <= max ? value : null
}

/** A number of the API's as a field shows it, so that it is read again as what it is. */
export function fieldText(text: string): string {
  return /^\d{1,3}\.\d{3}$/.test(text) ? `${text}0` : text
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
