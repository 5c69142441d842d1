import type { Amount } from './amount'
import type { Measure, Reading, Readings } from './measures'

/** The classes of tokens, which are disjoint: they add up to all tokens. */
export const TOKEN_CLASSES = [
  ['input_tokens', 'Input'],
  ['cache_read_tokens', 'Read from cache'],
  ['cache_write_5m_tokens', 'Written to cache, 5 min'],
  ['cache_write_1h_tokens', 'Written to cache, 1 h'],
  ['output_tokens', 'Output'],
  ['reasoning_tokens', 'Reasoning'],
] as const satisfies [Measure, string][]

/** A class of tokens, and its part of all of them in tenths of a percent. */
export interface TokenPart {
  label: string
  tokens: number
  share: number
}

/** What tokens are made of, without the classes that there are none of. */
export function tokenMix(readings: Readings): TokenPart[] {
  const all = count(readings.tokens)
  const known = TOKEN_CLASSES.map(([measure, label]) => ({
    label,
    tokens: count(readings[measure]),
  }))
  const rest = all - known.reduce((sum, { tokens }) => sum + tokens, 0)
  return [...known, { label: 'Other', tokens: Math.max(0, rest) }]
    .filter(({ tokens }) => tokens > 0)
    .map((part) => ({ ...part, share: all > 0 ? Math.round((part.tokens / all) * 1000) : 0 }))
}

/** How much of what models read came from a cache, in tenths of a percent; `null` if they read nothing. */
export function cachedShare(readings: Readings): number | null {
  const cached = count(readings.cache_read_tokens)
  const read =
    cached +
    count(readings.input_tokens) +
    count(readings.cache_write_5m_tokens) +
    count(readings.cache_write_1h_tokens)
  return read > 0 ? Math.round((cached / read) * 1000) : null
}

/** What one of so many costs, to the billionth; `null` where there are none. */
export function amountEach(amount: Reading | undefined, count: Reading | undefined): Amount | null {
  const times = BigInt(Math.round(Number(count ?? 0)))
  if (typeof amount !== 'bigint' || times <= 0n) return null
  const half = amount < 0n ? -(times / 2n) : times / 2n
  return ((amount + half) / times) as Amount
}

function count(reading: Reading | undefined): number {
  return Number(reading ?? 0)
}
