/** The attributes that usage can be grouped and filtered by. */
export const ATTRIBUTES = {
  provider: 'Provider',
  model: 'Model',
  service: 'Service',
  account: 'Account',
  subject: 'Subject',
  team: 'Team',
  project: 'Project',
  platform: 'Platform',
  environment: 'Environment',
  operation: 'Operation',
  status: 'Status',
  source: 'Source',
} as const

/** An attribute's name on the wire, or `tag.KEY`. */
export type Attribute = keyof typeof ATTRIBUTES | `tag.${string}`

/** `in` any of the values, in none of them (`not`), or beginning with one (`prefix`). */
export type FilterOp = 'in' | 'not' | 'prefix'

/** One condition on the usage shown. The empty value is the absence of one. */
export interface Filter {
  attribute: Attribute
  op: FilterOp
  values: string[]
}

/** How an operator is written behind the attribute's name in a URL, ours and the API's alike. */
const SUFFIX: Record<FilterOp, string> = { in: '', not: '!', prefix: '^' }

export function isAttribute(text: string): text is Attribute {
  return Object.hasOwn(ATTRIBUTES, text) || (text.startsWith('tag.') && text.length > 4)
}

export function attributeLabel(attribute: Attribute): string {
  return attribute.startsWith('tag.')
    ? `Tag ${attribute.slice(4)}`
    : ATTRIBUTES[attribute as keyof typeof ATTRIBUTES]
}

/** Reads the filters out of a URL's query; what is not a filter is left alone. */
export function readFilters(query: URLSearchParams): Filter[] {
  const filters: Filter[] = []
  for (const key of new Set(query.keys())) {
    const parsed = parseKey(key)
    if (!parsed) continue
    const values = [...new Set(query.getAll(key).flatMap(splitList))]
    filters.push({ ...parsed, values })
  }
  return filters
}

function parseKey(key: string): Pick<Filter, 'attribute' | 'op'> | null {
  const op: FilterOp = key.endsWith('!') ? 'not' : key.endsWith('^') ? 'prefix' : 'in'
  const attribute = op === 'in' ? key : key.slice(0, -1)
  return isAttribute(attribute) ? { attribute, op } : null
}

/** Whether a word of a URL's query is a filter's. */
export function isFilterKey(key: string): boolean {
  return parseKey(key) !== null
}

/** The query of the filters, for the API and for a link. */
export function filterParams(filters: Filter[]): [string, string][] {
  return filters.map((filter) => [filter.attribute + SUFFIX[filter.op], joinList(filter.values)])
}

/** Filters as the API keeps them: `{"provider": ["openai"], "model^": ["gpt-4"]}`. */
export type WireScope = Record<string, string[]>

/** The filters of a scope; what is not a filter is left out. */
export function readScope(scope: WireScope): Filter[] {
  return Object.entries(scope).flatMap(([key, values]) => {
    const parsed = parseKey(key)
    return parsed ? [{ ...parsed, values }] : []
  })
}

/** The scope of the filters. */
export function scopeBody(filters: Filter[]): WireScope {
  return Object.fromEntries(
    filters.map(({ attribute, op, values }) => [attribute + SUFFIX[op], values]),
  )
}

/** The parts between commas. A backslash before a comma keeps it, as in the API. */
function splitList(text: string): string[] {
  const parts: string[] = []
  let part = ''
  for (const [token] of text.matchAll(/\\[\\,]|[\s\S]/g)) {
    if (token === ',') {
      parts.push(part)
      part = ''
    } else {
      part += token.length === 2 ? token[1] : token
    }
  }
  return [...parts, part]
}

function joinList(values: string[]): string {
  return values.map((value) => value.replace(/[\\,]/g, '\\$&')).join(',')
}

/** The filters with one value added, in one chip per attribute and operator. */
export function withFilter(
  filters: Filter[],
  attribute: Attribute,
  op: FilterOp,
  value: string,
): Filter[] {
  const at = filters.findIndex((known) => known.attribute === attribute && known.op === op)
  const known = filters[at]
  if (!known) return [...filters, { attribute, op, values: [value] }]
  if (known.values.includes(value)) return filters
  return filters.with(at, { ...known, values: [...known.values, value] })
}

/** The filters with the attribute narrowed to this value alone: what a drill-down does. */
export function withOnly(filters: Filter[], attribute: Attribute, value: string): Filter[] {
  const others = filters.filter((known) => known.attribute !== attribute)
  return [...others, { attribute, op: 'in', values: [value] }]
}

/**
 * What begins with a text as it was typed, in small letters or with a capital: names are told apart by
 * case, and people do not type it.
 */
export function beginningWith(attribute: Attribute, text: string): Filter {
  const small = text.toLowerCase()
  const capital = small.charAt(0).toUpperCase() + small.slice(1)
  return { attribute, op: 'prefix', values: [...new Set([text, small, capital])] }
}

/** A filter in words: `Provider is openai or anthropic`. */
export function filterText(filter: Filter): string {
  const verb = { in: 'is', not: 'is not', prefix: 'begins with' }[filter.op]
  const values = filter.values.map((value) => value || 'not set')
  return `${attributeLabel(filter.attribute)} ${verb} ${values.join(filter.op === 'not' ? ' nor ' : ' or ')}`
}

/** What a filter can be judged by, of an event that came in live. */
export type Attributes = (attribute: Attribute) => string | null | undefined

/** Whether an event passes all filters, so that it may be shown before the server is asked. */
export function passes(filters: Filter[], attributes: Attributes): boolean {
  return filters.every(({ attribute, op, values }) => {
    const value = attributes(attribute) ?? ''
    if (op === 'in') return values.includes(value)
    if (op === 'not') return !values.includes(value)
    return values.some((prefix) => value.startsWith(prefix))
  })
}
