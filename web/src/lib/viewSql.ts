import type { Attribute, Filter } from './filters'
import type { Measure } from './measures'
import type { Range } from './time'

/** What is summed for a measure; those that are not here are no sum of one column. */
const SUMS: Partial<Record<Measure, string>> = {
  spend: 'spend',
  requests: 'requests',
  input_tokens: 'input_tokens',
  output_tokens: 'output_tokens',
  cache_read_tokens: 'cache_read_tokens',
  cache_write_5m_tokens: 'cache_write_5m_tokens',
  cache_write_1h_tokens: 'cache_write_1h_tokens',
  reasoning_tokens: 'reasoning_tokens',
  images: 'images',
  characters: 'characters',
  pages: 'pages',
  searches: 'searches',
  unpriced: 'unpriced',
}

interface Asked {
  measure: Measure
  by: Attribute[]
  filters: Filter[]
  range: Range
}

/** The same as the breakdown in SQL; nothing where it is not one query over columns. */
export function sqlOf({ measure, by, filters, range }: Asked): string | null {
  const column = SUMS[measure]
  const isTag = (attribute: Attribute) => attribute.startsWith('tag.')
  if (!column || by.some(isTag) || filters.some(({ attribute }) => isTag(attribute))) return null
  const names = by.map((attribute) => `${attribute}, `).join('')
  const conditions = [
    `occurred_at >= TIMESTAMP '${range.from.toISOString()}'`,
    `occurred_at < TIMESTAMP '${range.to.toISOString()}'`,
    ...filters.map(condition),
  ]
  return [
    `SELECT ${names}sum(${column}) AS ${measure}`,
    'FROM events',
    `WHERE ${conditions.join('\n  AND ')}`,
    ...(by.length > 0 ? [`GROUP BY ${by.join(', ')}`, `ORDER BY ${measure} DESC`] : []),
  ].join('\n')
}

function condition({ attribute, op, values }: Filter): string {
  const named = values.filter((value) => value !== '')
  const list = named.map(quoted).join(', ')
  const isAbsent = `${attribute} IS NULL`
  if (op === 'prefix') {
    return or(named.map((value) => `starts_with(${attribute}, ${quoted(value)})`))
  }
  if (op === 'in') {
    return or([
      ...(list ? [`${attribute} IN (${list})`] : []),
      ...(named.length < values.length ? [isAbsent] : []),
    ])
  }
  // What has no value is none of these, unless the absence of one is among them.
  if (named.length < values.length) {
    return list ? `${attribute} NOT IN (${list})` : `${attribute} IS NOT NULL`
  }
  return or([`${attribute} NOT IN (${list})`, isAbsent])
}

function or(parts: string[]): string {
  return parts.length === 1 ? (parts[0] ?? '') : `(${parts.join(' OR ')})`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
