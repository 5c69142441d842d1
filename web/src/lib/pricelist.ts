import { groupThousands, shiftDecimal } from './amount'

/** What of a price row decides how it is read. */
export interface PriceRow {
  provider: string
  model: string | null
  meter: string
  unit: number | string
  price: string
  conditions?: unknown
  valid_from: string | null
  valid_to: string | null
  /** Whether the provider sells models of its own, so that a model's name alone means theirs. */
  by_maker: boolean
}

/** All rows of one model; the plain ones that are valid now stand in front. */
export interface PricedModel<Row extends PriceRow> {
  key: string
  provider: string
  model: string
  byMaker: boolean
  /** By meter, the price people mean when they ask what the model costs. */
  plain: Map<string, Row>
  rows: Row[]
}

/** Gathers rows by model, in the order of their names. */
export function byModel<Row extends PriceRow>(rows: Row[], now: Date): PricedModel<Row>[] {
  const models = new Map<string, PricedModel<Row>>()
  for (const row of rows) {
    const model = row.model || '*'
    const key = `${row.provider}\n${model}`
    let known = models.get(key)
    if (!known) {
      known = {
        key,
        provider: row.provider,
        model,
        byMaker: row.by_maker,
        plain: new Map(),
        rows: [],
      }
      models.set(key, known)
    }
    known.rows.push(row)
    if (isValid(row, now) && conditionsText(row.conditions) === '') known.plain.set(row.meter, row)
  }
  const { compare } = new Intl.Collator('en')
  return [...models.values()].sort(
    (a, b) => compare(a.provider, b.provider) || compare(a.model, b.model),
  )
}

export function isValid(row: PriceRow, now: Date): boolean {
  return (
    (!row.valid_from || new Date(row.valid_from) <= now) &&
    (!row.valid_to || now < new Date(row.valid_to))
  )
}

/** Conditions in words; nothing where a row always applies. */
export function conditionsText(conditions: unknown): string {
  if (!conditions) return ''
  if (typeof conditions === 'string') return conditions
  return Object.entries(conditions)
    .filter(([, value]) => value !== null && value !== false && value !== undefined)
    .map(([name, value]) => (value === true ? name : `${name} ${valueText(value)}`))
    .join(', ')
}

function valueText(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value).replace(/["{}[\]]/g, '') : String(value)
}

/** How many units people say a price for: a million tokens, one image. */
export function saidPer(meter: string): bigint {
  return meter.endsWith('_tokens') || meter === 'characters' ? 1_000_000n : 1n
}

/**
 * A price as people say it, every digit of it: `$2.50`. `null` where the row's own unit does not
 * divide into the one people use, so that it is said per its own.
 */
export function saidPrice(row: Pick<PriceRow, 'meter' | 'unit' | 'price'>): string | null {
  const places = powerOfTen(saidPer(row.meter), BigInt(row.unit))
  if (places === null) return null
  return withCents(shiftDecimal(row.price, places))
}

/** The price per the row's own unit: `$0.36 per 3,600`. */
export function ownPrice(row: Pick<PriceRow, 'unit' | 'price'>): string {
  return `${withCents(row.price)} per ${groupThousands(String(row.unit))}`
}

/** What prices are ordered by: units of money for one of what they are for. */
export function priceOrder(row: Pick<PriceRow, 'unit' | 'price'> | undefined): number | null {
  return row ? Number(row.price) / Number(row.unit) : null
}

/** `n` where `said / own` is 10ⁿ and n is not negative. */
function powerOfTen(said: bigint, own: bigint): number | null {
  if (own <= 0n || said % own !== 0n) return null
  const factor = (said / own).toString()
  return /^10*$/.test(factor) ? factor.length - 1 : null
}

function withCents(decimal: string): string {
  const [units = '0', decimals = ''] = decimal.split('.')
  return `$${groupThousands(units)}.${decimals.padEnd(2, '0')}`
}

/** Models whose provider and name hold every word: those in use first, then the closest. */
export function search<Row extends PriceRow>(
  models: PricedModel<Row>[],
  text: string,
  used: Used = NOTHING_USED,
): PricedModel<Row>[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return inUseFirst(models, used)
  const found = models.filter(({ provider, model }) => {
    const haystack = `${provider} ${model}`.toLowerCase()
    return words.every((word) => haystack.includes(word))
  })
  const places = new Map(found.map((model, at) => [model, place(model, words, used, at)]))
  return found.sort((a, b) => comparePlaces(places.get(a) ?? [], places.get(b) ?? []))
}

/** The models in use, the most used first, then the others as they came. */
function inUseFirst<Row extends PriceRow>(
  models: PricedModel<Row>[],
  used: Used,
): PricedModel<Row>[] {
  if (used.size === 0) return [...models]
  const eventsOf = ({ provider, model }: PricedModel<Row>) =>
    used.get(usedKey(provider, model)) ?? 0
  const counted = models.map((model) => ({ model, events: eventsOf(model) }))
  const inUse = counted.filter(({ events }) => events > 0).sort((a, b) => b.events - a.events)
  return [...inUse, ...counted.filter(({ events }) => events === 0)].map(({ model }) => model)
}

/** How often models were used, by `usedKey`. */
export type Used = ReadonlyMap<string, number>

const NOTHING_USED: Used = new Map()

/** A model of a provider as usage and price lists spell them alike. */
export function usedKey(provider: string, model: string): string {
  return `${provider.toLowerCase().replaceAll('-', '_')}\n${model.toLowerCase()}`
}

/** The smaller, the earlier: how well the name fits, how much it is used, whose it is. */
function place(
  { provider, model, byMaker }: { provider: string; model: string; byMaker: boolean },
  words: string[],
  used: Used,
  at: number,
): number[] {
  const name = model.toLowerCase()
  const isNamed = words.includes(name)
  const events = used.get(usedKey(provider, model)) ?? 0
  const isMakers = byMaker && words.length > 0
  const begins = words.some((word) => name.startsWith(word))
  return [
    isNamed ? 0 : 1,
    isNamed && isMakers ? 0 : 1,
    -events,
    isMakers ? 0 : 1,
    begins ? 0 : 1,
    at,
  ]
}

function comparePlaces(a: number[], b: number[]): number {
  const at = a.findIndex((part, index) => part !== b[index])
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0)
}
