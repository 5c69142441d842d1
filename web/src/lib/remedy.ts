import { readNumber, type WireQuantity } from './number'
import { saidPer } from './pricelist'
import type { Refusal } from './refusal'

/** What of a model's usage has no price. */
export interface Unpriced {
  provider: string | null
  model: string | null
  service: string | null
  events: number
  partly_priced: number
  meters: Record<string, WireQuantity>
  first_at: string
  last_at: string
}

/** Prices that are written for what has none. */
export interface RemedyForm {
  /** By meter, as written; empty where none is set. */
  prices: Record<string, string>
  /** Since when they hold, as written. */
  from: string
}

/** What is sent: prices to set, and which usage is rated again by them. */
export interface Remedy {
  provider?: string
  model?: string
  service?: string
  prices: NewPrice[]
}

export interface NewPrice {
  provider: string
  model: string
  meter: string
  price: string
  unit: number
  valid_from: string
}

/** The form for a model: every meter that was seen, since the first event, and no price invented. */
export function emptyRemedy(unpriced: Unpriced): RemedyForm {
  const prices = Object.fromEntries(metersOf(unpriced).map((meter) => [meter, '']))
  return { prices, from: unpriced.first_at }
}

/** What prices are asked for. A call as such is free with most who charge for what it used. */
export function metersOf({ meters }: Unpriced): string[] {
  const names = Object.keys(meters)
  const used = names.filter((meter) => meter !== 'requests')
  const asked = used.length > 0 ? used : names
  return asked.sort((a, b) => rank(a) - rank(b) || a.localeCompare(b))
}

function rank(meter: string): number {
  const at = ['input_tokens', 'output_tokens'].indexOf(meter)
  return at < 0 ? 2 : at
}

/** What a price is for, in words: `per 1M`, `each`. */
export function unitWords(meter: string): string {
  if (saidPer(meter) !== 1n) return 'per 1M'
  return meter === 'seconds' ? 'per second' : 'each'
}

/** Reads the form, or says what is wrong with it. */
export function remedyOf(unpriced: Unpriced, form: RemedyForm): Remedy | Refusal {
  const provider = unpriced.provider ?? unpriced.service
  if (!provider) {
    const words =
      'These events name no provider, so no price can be theirs. Send `provider` with them.'
    return { field: '', words }
  }
  const valid_from = readMoment(form.from)
  if (valid_from === null) {
    return { field: 'from', words: 'Write a day or a time of UTC, such as 2026-11-01.' }
  }
  const prices: NewPrice[] = []
  for (const meter of metersOf(unpriced)) {
    const written = form.prices[meter]?.trim() ?? ''
    if (!written) continue
    const read = readNumber(written, '2.5 or 0.04')
    if ('words' in read) return { field: `prices.${meter}`, words: read.words }
    prices.push({
      provider,
      model: unpriced.model ?? '*',
      meter,
      price: read.text,
      unit: Number(saidPer(meter)),
      valid_from,
    })
  }
  const first = metersOf(unpriced)[0]
  if (prices.length === 0) {
    return { field: first ? `prices.${first}` : '', words: 'Write a price. 0 is free.' }
  }
  return {
    ...(unpriced.provider ? { provider: unpriced.provider } : { service: provider }),
    ...(unpriced.model ? { model: unpriced.model } : {}),
    prices,
  }
}

/** A day or a time of UTC as the API takes it; `null` where it is neither. */
export function readMoment(written: string): string | null {
  const text = written.trim()
  if (/^\d{4}-\d\d-\d\d$/.test(text)) return readMoment(`${text}T00:00:00Z`)
  const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/
  return form.test(text) && !Number.isNaN(Date.parse(text)) ? text : null
}

/** The same in the server's shell: prices that are set, then usage that is rated again. */
export function remedyCommands({ provider, model, service, prices }: Remedy): string {
  const [first] = prices
  if (!first) return ''
  const set = [
    'outlay prices set',
    `--provider ${word(first.provider)} --model ${word(first.model)} --from ${word(first.valid_from)}`,
    ...prices.map(({ meter, price }) => `--meter ${word(meter)} --price ${price}`),
  ]
  const rerate = [
    'outlay prices rerate',
    ...(provider ? [`--provider ${word(provider)}`] : []),
    ...(service ? [`--service ${word(service)}`] : []),
    ...(model ? [`--model ${word(model)}`] : []),
    '--apply',
  ]
  return `${set.join(' ')}\n${rerate.join(' ')}`
}

/** A word as a shell takes it, whoever named it. */
export function word(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
