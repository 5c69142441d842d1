/** An exact amount in billionths. A `number` would lose digits above nine million. */
export type Amount = bigint & { readonly unit: 'nanos' }

export const ZERO = 0n as Amount

const NANOS_PER_UNIT = 1_000_000_000n
const NANOS_PER_CENT = 10_000_000n
const DECIMALS = 9

/** Reads an amount as the API writes it, e.g. `"-12.5"`. */
export function parseAmount(text: string): Amount {
  const match = /^(-?)(\d+)(?:\.(\d{1,9}))?$/.exec(text)
  if (!match) throw new Error(`not an amount: ${text}`)
  const [, sign, units, decimals = ''] = match
  const nanos = BigInt(`${units}${decimals.padEnd(DECIMALS, '0')}`)
  return (sign ? -nanos : nanos) as Amount
}

/** Writes an amount as the API does: no trailing zeros, no currency. */
export function amountText(amount: Amount): string {
  const nanos = magnitude(amount)
  const decimals = (nanos % NANOS_PER_UNIT).toString().padStart(DECIMALS, '0').replace(/0+$/, '')
  const units = (nanos / NANOS_PER_UNIT).toString()
  return `${amount < 0n ? '-' : ''}${units}${decimals && `.${decimals}`}`
}

export function addAmounts(a: Amount, b: Amount): Amount {
  return (a + b) as Amount
}

export function subtractAmounts(a: Amount, b: Amount): Amount {
  return (a - b) as Amount
}

export function sumAmounts(amounts: Iterable<Amount>): Amount {
  let sum = 0n
  for (const amount of amounts) sum += amount
  return sum as Amount
}

/** The amount as a float, for pixels only: a drawn bar does not need its ninth decimal. */
export function drawnUnits(amount: Amount): number {
  return Number(amount) / Number(NANOS_PER_UNIT)
}

/** An estimate, which the API writes as a float, to be formatted as amounts are. */
export function estimated(units: number): Amount {
  return (BigInt(Math.round(units * 1e6)) * 1_000n) as Amount
}

/**
 * An amount for a person: cents above one cent, three significant digits below it, and a real
 * minus sign. `$1,234.57`, `$0.000123`, `−$0.10`.
 */
export function formatAmount(amount: Amount, currency = 'USD'): string {
  const nanos = magnitude(amount)
  const sign = amount < 0n ? '−' : ''
  return sign + withCurrency(roundForReading(nanos), currency)
}

/** Decimals of every amount in one table. */
export type Precision = number

/** Digits that an amount of a table has, at most, where its smallest needs decimals. */
const DIGITS_MAX = 6

/** From here on cents are noise, and room for a name is worth more. */
const WITHOUT_CENTS = 1_000_000n * NANOS_PER_UNIT

/**
 * One precision for amounts that stand in one table: cents, or as many decimals more as the
 * smallest of them needs for two digits and the largest leaves room for; none among millions.
 */
export function precisionOf(amounts: Iterable<Amount | null | undefined>): Precision {
  let [smallest, largest] = [0n, 0n]
  for (const amount of amounts) {
    if (!amount) continue
    const size = magnitude(amount)
    if (smallest === 0n || size < smallest) smallest = size
    if (size > largest) largest = size
  }
  if (largest >= WITHOUT_CENTS) return 0
  if (smallest === 0n || smallest >= NANOS_PER_CENT) return 2
  const needed = DECIMALS - smallest.toString().length + 2
  const room = DIGITS_MAX - (largest / NANOS_PER_UNIT).toString().length + 1
  return Math.max(2, Math.min(needed, room, DECIMALS))
}

/** The precision at which each of the amounts is exact, where every digit counts: at least cents. */
export function exactPrecisionOf(amounts: Iterable<Amount>): Precision {
  const decimals = [...amounts].map((amount) => amountText(amount).split('.')[1]?.length ?? 0)
  return Math.max(2, ...decimals)
}

/** An amount at a table's precision; what is smaller than it shows is not nothing: `<$0.01`. */
export function formatAmountAt(amount: Amount, precision: Precision, currency = 'USD'): string {
  const nanos = magnitude(amount)
  const sign = amount < 0n ? '−' : ''
  const step = 10n ** BigInt(DECIMALS - precision)
  const rounded = divideRounding(nanos, step)
  const written = (steps: bigint) => {
    const digits = steps.toString().padStart(precision + 1, '0')
    const cut = digits.length - precision
    const decimals = digits.slice(cut)
    return groupThousands(digits.slice(0, cut)) + (decimals && `.${decimals}`)
  }
  if (rounded === 0n && nanos > 0n) return `<${sign}${withCurrency(written(1n), currency)}`
  return sign + withCurrency(written(rounded), currency)
}

/** Every digit of the amount, for a tooltip: `$0.001234567`. At least two decimals. */
export function formatAmountExactly(amount: Amount, currency = 'USD'): string {
  const [units = '0', decimals = ''] = amountText(magnitude(amount) as Amount).split('.')
  const sign = amount < 0n ? '−' : ''
  return sign + withCurrency(`${groupThousands(units)}.${decimals.padEnd(2, '0')}`, currency)
}

/** An amount on an axis, where the scale matters more than the digits: `$12.4 K`. */
export function formatAmountShort(units: number, currency = 'USD'): string {
  const sign = units < 0 ? '−' : ''
  return sign + withCurrency(shortNumber(Math.abs(units)), currency)
}

function shortNumber(units: number): string {
  for (const [size, name] of [
    [1e9, 'B'],
    [1e6, 'M'],
    [1e4, 'K'],
  ] as const) {
    if (units >= size)
      return `${trimZeros((units / (name === 'K' ? 1e3 : size)).toFixed(1))}\u202f${name}`
  }
  if (units >= 100 || Number.isInteger(units)) return groupThousands(Math.round(units).toString())
  if (units >= 0.01) return units.toFixed(2)
  return trimZeros(units.toPrecision(2).includes('e') ? units.toFixed(9) : units.toPrecision(2))
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}

function roundForReading(nanos: bigint): string {
  if (nanos === 0n) return '0.00'
  if (nanos < NANOS_PER_CENT) {
    const rounded = roundToSignificant(nanos, 3)
    if (rounded < NANOS_PER_CENT) return significantText(rounded)
  }
  const cents = divideRounding(nanos, NANOS_PER_CENT)
  return `${groupThousands((cents / 100n).toString())}.${(cents % 100n).toString().padStart(2, '0')}`
}

/** The text of a rounded amount below one cent, with exactly the digits that count. */
function significantText(nanos: bigint): string {
  const digits = nanos.toString()
  const kept = digits.slice(0, 3)
  return `0.${'0'.repeat(DECIMALS - digits.length)}${kept}`
}

function roundToSignificant(nanos: bigint, digits: number): bigint {
  const surplus = nanos.toString().length - digits
  if (surplus <= 0) return nanos
  const step = 10n ** BigInt(surplus)
  return divideRounding(nanos, step) * step
}

/** Halves go away from zero, as on an invoice. */
function divideRounding(value: bigint, by: bigint): bigint {
  return (value + by / 2n) / by
}

function magnitude(amount: Amount): bigint {
  return amount < 0n ? -amount : amount
}

export function groupThousands(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, ',')
}

const SIGNS: Record<string, string> = {
  USD: '$',
  EUR: '€',
  GBP: '£',
  JPY: '¥',
  INR: '₹',
  IDR: 'Rp',
}

function withCurrency(text: string, currency: string): string {
  return SIGNS[currency] ? `${SIGNS[currency]}${text}` : `${currency} ${text}`
}

/** `10⁻ⁿ` text moved by `places`: `shiftDecimal("0.00000015", 6)` is `"0.15"`. Exact. */
export function shiftDecimal(text: string, places: number): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text)
  if (!match) throw new Error(`not a decimal: ${text}`)
  const [, sign = '', units = '', decimals = ''] = match
  const padded = decimals.padEnd(places, '0')
  const whole = (units + padded.slice(0, places)).replace(/^0+(?=\d)/, '')
  const rest = padded.slice(places).replace(/0+$/, '')
  return `${sign}${whole}${rest && `.${rest}`}`
}
