import {
  type Amount,
  addAmounts,
  drawnUnits,
  formatAmount,
  formatAmountAt,
  formatAmountExactly,
  formatAmountShort,
  type Precision,
  parseAmount,
  precisionOf,
} from './amount'
import {
  formatCount,
  formatCountExactly,
  formatDuration,
  quantityNumber,
  type WireQuantity,
} from './number'

/** What can be asked of usage. */
export const MEASURES = {
  spend: { label: 'Spend', kind: 'amount' },
  requests: { label: 'Requests', kind: 'count' },
  events: { label: 'Events', kind: 'count' },
  credits: { label: 'Credits', kind: 'count' },
  tokens: { label: 'Tokens', kind: 'count' },
  input_tokens: { label: 'Input tokens', kind: 'count' },
  output_tokens: { label: 'Output tokens', kind: 'count' },
  cache_read_tokens: { label: 'Tokens read from cache', kind: 'count' },
  cache_write_5m_tokens: { label: 'Tokens written to cache, 5 min', kind: 'count' },
  cache_write_1h_tokens: { label: 'Tokens written to cache, 1 h', kind: 'count' },
  reasoning_tokens: { label: 'Reasoning tokens', kind: 'count' },
  images: { label: 'Images', kind: 'count' },
  seconds: { label: 'Seconds', kind: 'count' },
  characters: { label: 'Characters', kind: 'count' },
  pages: { label: 'Pages', kind: 'count' },
  searches: { label: 'Searches', kind: 'count' },
  errors: { label: 'Errors', kind: 'count' },
  unpriced: { label: 'Unpriced events', kind: 'count' },
  latency_mean_ms: { label: 'Latency, mean', kind: 'duration' },
  latency_p50_ms: { label: 'Latency, median', kind: 'duration' },
  latency_p90_ms: { label: 'Latency, 90th percentile', kind: 'duration' },
  latency_p95_ms: { label: 'Latency, 95th percentile', kind: 'duration' },
  latency_p99_ms: { label: 'Latency, 99th percentile', kind: 'duration' },
} as const satisfies Record<string, { label: string; kind: 'amount' | 'count' | 'duration' }>

export type Measure = keyof typeof MEASURES

/** What a measure read: an exact amount, a count, or milliseconds; `null` where there was nothing. */
export type Reading = Amount | number | null

export type Readings = Partial<Record<Measure, Reading>>

export function isMeasure(text: string): text is Measure {
  return Object.hasOwn(MEASURES, text)
}

/** Whether readings may be stacked and summed: counts and money may, percentiles may not. */
export function isAdditive(measure: Measure): boolean {
  return MEASURES[measure].kind !== 'duration'
}

/** Takes a reading from the wire. */
export function parseReading(measure: Measure, value: unknown): Reading {
  if (value === null || value === undefined) return isAdditive(measure) ? nothing(measure) : null
  if (MEASURES[measure].kind === 'amount') return parseAmount(String(value))
  return quantityNumber(value as WireQuantity)
}

/** The reading of an empty bucket. */
export function nothing(measure: Measure): Reading {
  if (MEASURES[measure].kind === 'amount') return 0n as Amount
  return isAdditive(measure) ? 0 : null
}

export function addReadings(a: Reading, b: Reading): Reading {
  if (a === null) return b
  if (b === null) return a
  if (typeof a === 'bigint' && typeof b === 'bigint') return addAmounts(a, b)
  return Number(a) + Number(b)
}

/** The reading as a float, for the height of a bar. */
export function drawn(reading: Reading | undefined): number | null {
  if (reading === null || reading === undefined) return null
  return typeof reading === 'bigint' ? drawnUnits(reading) : reading
}

export function formatReading(
  measure: Measure,
  reading: Reading | undefined,
  currency: string,
  precision?: Precision,
): string {
  if (reading === null || reading === undefined) return '–'
  if (typeof reading === 'bigint') {
    return precision === undefined
      ? formatAmount(reading, currency)
      : formatAmountAt(reading, precision, currency)
  }
  return MEASURES[measure].kind === 'duration' ? formatDuration(reading) : formatCount(reading)
}

/** Every digit, for hover. */
export function formatReadingExactly(
  measure: Measure,
  reading: Reading | undefined,
  currency: string,
): string {
  if (reading === null || reading === undefined) return 'no reading'
  if (typeof reading === 'bigint') return formatAmountExactly(reading, currency)
  return MEASURES[measure].kind === 'duration'
    ? formatDuration(reading)
    : formatCountExactly(reading)
}

/** A value on the measure's axis. */
export function formatOnAxis(measure: Measure, value: number, currency: string): string {
  const { kind } = MEASURES[measure]
  if (kind === 'amount') return formatAmountShort(value, currency)
  return kind === 'duration' ? formatDuration(value).replace('.00', '') : formatCount(value)
}

/** The change between two readings in tenths of a percent; `null` where there is no base. */
export function changeOf(now: Reading | undefined, base: Reading | undefined): number | null {
  if (now == null || base == null || Number(base) === 0) return null
  const [a, b] =
    typeof now === 'bigint' && typeof base === 'bigint' ? [now, base] : [big(now), big(base)]
  const magnitude = b < 0n ? -b : b
  const doubled = ((a - b) * 2000n) / magnitude
  return Number((doubled + (doubled < 0n ? -1n : 1n)) / 2n)
}

/** The part of the whole in tenths of a percent. */
export function shareOf(part: Reading | undefined, whole: Reading | undefined): number | null {
  if (part == null || whole == null || Number(whole) === 0) return null
  return Math.round((Number(part) / Number(whole)) * 1000)
}

function big(value: Amount | number): bigint {
  return typeof value === 'bigint' ? value : BigInt(Math.round(value * 1_000_000))
}

/** The precision of a table, by the amounts among its readings. */
export function precisionOfReadings(readings: Iterable<Reading | undefined>): Precision {
  const amounts: Amount[] = []
  for (const reading of readings) if (typeof reading === 'bigint') amounts.push(reading)
  return precisionOf(amounts)
}
