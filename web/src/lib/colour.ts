export type Theme = 'light' | 'dark'

/**
 * Eight colours that stay apart under the common kinds of colour blindness, searched for with a
 * simulation of each; `colour.test.ts` keeps the promise. The same place is the same hue in both
 * themes.
 */
export const PALETTE: Record<Theme, readonly string[]> = {
  light: ['#2343a8', '#e07f00', '#278067', '#8a086a', '#e9bf27', '#3d94ca', '#7f56dc', '#65461b'],
  dark: ['#3d79f0', '#ee8b22', '#5fbd9e', '#ce59ab', '#e7c944', '#82d5fb', '#bd91fc', '#a27f5c'],
}

/** What is folded together, or has no value: no hue of its own. */
export const OTHER_COLOUR: Record<Theme, string> = { light: '#a8abb0', dark: '#616368' }

/**
 * A place in the palette, or eight more for its lighter shade; `null` is the colour of "other".
 */
export type Slot = number | null

/** The key of the row that everything small is folded into. */
export const OTHER_KEY = '\u0000other'

/**
 * Providers people meet most keep one colour for good. Two that often stand in one chart never
 * share one.
 */
const PROVIDER_SLOTS: Record<string, number> = {
  openai: 2,
  anthropic: 1,
  google: 0,
  'google-vertex': 0,
  vertex: 0,
  gemini: 0,
  aws: 4,
  bedrock: 4,
  'aws-bedrock': 4,
  azure: 5,
  'azure-openai': 5,
  mistral: 3,
  deepseek: 6,
  cohere: 7,
  groq: 3,
  xai: 7,
  openrouter: 6,
  perplexity: 5,
  together: 4,
  elevenlabs: 7,
}

/** Nobody but their owners has the colours of the three that nearly everybody uses. */
const RESERVED = new Set([0, 1, 2])

const HUES = PALETTE.light.length
const SLOTS = Array.from({ length: 2 * HUES }, (_, slot) => slot)

function registered(attribute: string, name: string): number | undefined {
  const key = name.toLowerCase()
  return attribute === 'provider' && Object.hasOwn(PROVIDER_SLOTS, key)
    ? PROVIDER_SLOTS[key]
    : undefined
}

/** FNV-1a: small, and the same in every browser and every year. */
function hash(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0
  }
  return hash
}

/** Where colours are remembered: a browser's storage, or nothing. */
export type ColourStore = Pick<Storage, 'getItem' | 'setItem'>

const STORE_KEY = 'outlay-colours'
/** Attributes, and names of each, that are remembered; the oldest are forgotten beyond. */
const ATTRIBUTES_MAX = 60
const NAMES_MAX = 400

type Known = Map<string, Map<string, number>>

/**
 * Remembers the colour of every name, by what it is a name of.
 *
 * A name has its colour for good once it was shown: filters, measures and periods never move it. A
 * new one takes what it prefers, by the registry of providers or by its letters; where that is
 * another's it takes what nobody has, a full hue before a lighter shade, and only after sixteen
 * names one that is in use, though not beside it. Absent values and "other" are grey.
 */
export function colourBook(store: ColourStore | null) {
  const known = readKnown(store)
  return function slotsOf(attribute: string, names: Iterable<string>): Map<string, Slot> {
    const all = [...new Set(names)]
    const own = known.get(attribute) ?? new Map<string, number>()
    const slots = new Map<string, Slot>()
    for (const name of all) {
      const slot = isNameless(name) ? null : own.get(keyOf(name))
      if (slot !== undefined) slots.set(name, slot)
    }
    const fresh = all.filter((name) => !slots.has(name))
    if (fresh.length === 0) return slots
    const isKnown = (name: string) => Number(registered(attribute, name) !== undefined)
    for (const name of fresh.sort((a, b) => isKnown(b) - isKnown(a) || order(a, b))) {
      const slot = freeSlot(attribute, name, [...own.values()], new Set(slots.values()))
      own.set(keyOf(name), slot)
      slots.set(name, slot)
    }
    known.set(attribute, trimmed(own, NAMES_MAX))
    writeKnown(store, known)
    return slots
  }
}

function isNameless(name: string): boolean {
  return name === '' || name === OTHER_KEY
}

/** The best slot for a new name, given all that are taken and those that stand beside it. */
function freeSlot(attribute: string, name: string, taken: number[], beside: Set<Slot>): number {
  const own = registered(attribute, name)
  const preferred = own ?? hash(name) % HUES
  const isOwn = (slot: number) =>
    attribute !== 'provider' || slot === own || !RESERVED.has(slot % HUES)
  const uses = (slot: number) => taken.filter((other) => other === slot).length
  // Lower is better: shared with none beside, with none at all, a hue before a shade.
  const cost = (slot: number) =>
    Number(beside.has(slot)) * 1e6 +
    Number(!isOwn(slot)) * 1e5 +
    uses(slot) * 1e3 +
    (slot === preferred ? 0 : slot < HUES ? 10 : 20) +
    ((slot - preferred + HUES) % HUES) / HUES
  return SLOTS.reduce((best, slot) => (cost(slot) < cost(best) ? slot : best))
}

/** A name as it is stored: who signs in after somebody reads no names out of the storage. */
function keyOf(name: string): string {
  return `n${hash(name).toString(36)}`
}

function readKnown(store: ColourStore | null): Known {
  try {
    const entries: [string, [string, number][]][] = JSON.parse(store?.getItem(STORE_KEY) ?? '[]')
    return new Map(
      entries.map(([attribute, names]) => [
        attribute,
        new Map(names.filter(([, slot]) => SLOTS.includes(slot))),
      ]),
    )
  } catch {
    // Somebody else's text, or a storage that is closed to us.
    return new Map()
  }
}

function writeKnown(store: ColourStore | null, known: Known) {
  try {
    // What another tab has decided in the meantime stays.
    for (const [attribute, names] of readKnown(store)) {
      known.set(attribute, new Map([...names, ...(known.get(attribute) ?? [])]))
    }
    const entries = [...trimmed(known, ATTRIBUTES_MAX)].map(([attribute, names]) => [
      attribute,
      [...trimmed(names, NAMES_MAX)],
    ])
    store?.setItem(STORE_KEY, JSON.stringify(entries))
  } catch {
    // It is full or closed: colours then last as long as the page.
  }
}

/** The newest of them. */
function trimmed<Value>(all: Map<string, Value>, max: number): Map<string, Value> {
  return all.size <= max ? all : new Map([...all].slice(all.size - max))
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** A colour for each name in one chart and its legend, the same as ever. */
export const assignSlots = colourBook(storage())

function storage(): ColourStore | null {
  try {
    return globalThis.localStorage ?? null
  } catch {
    return null
  }
}

/** The colour for CSS, which follows the theme by itself. */
export function slotVariable(slot: Slot | undefined): string {
  if (slot == null) return 'var(--category-other)'
  const hue = `var(--category-${(slot % HUES) + 1})`
  return slot < HUES ? hue : `color-mix(in srgb, ${hue} 50%, var(--surface))`
}
