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

/** A place in the palette; `null` is the colour of "other". */
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

/** The place a name would like to have: by registry for providers, else by its letters. */
function preferredSlot(attribute: string, name: string): number {
  const known = attribute === 'provider' ? PROVIDER_SLOTS[name.toLowerCase()] : undefined
  return known ?? hash(name) % PALETTE.light.length
}

/** FNV-1a: small, and the same in every browser and every year. */
function hash(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0
  }
  return hash
}

/**
 * A colour for each name in one chart and its legend.
 *
 * Registered providers come first and get theirs; the others get what they prefer, or the next
 * free place. Absent values and "other" are grey. More names than colours begin again: a chart
 * shows at most seven.
 */
export function assignSlots(attribute: string, names: Iterable<string>): Map<string, Slot> {
  const slots = new Map<string, Slot>()
  const taken = new Set<number>()
  const named = [...new Set(names)].sort(
    (a, b) =>
      Number(isRegistered(attribute, b)) - Number(isRegistered(attribute, a)) || order(a, b),
  )
  for (const name of named) {
    if (name === '' || name === OTHER_KEY) {
      slots.set(name, null)
      continue
    }
    if (taken.size === PALETTE.light.length) taken.clear()
    let slot = preferredSlot(attribute, name)
    while (taken.has(slot)) slot = (slot + 1) % PALETTE.light.length
    taken.add(slot)
    slots.set(name, slot)
  }
  return slots
}

function isRegistered(attribute: string, name: string): boolean {
  return attribute === 'provider' && Object.hasOwn(PROVIDER_SLOTS, name.toLowerCase())
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

export function slotColour(slot: Slot | undefined, theme: Theme): string {
  return (slot == null ? undefined : PALETTE[theme][slot]) ?? OTHER_COLOUR[theme]
}

/** The same colour for CSS, which follows the theme by itself. */
export function slotVariable(slot: Slot | undefined): string {
  return slot == null ? 'var(--category-other)' : `var(--category-${slot + 1})`
}
