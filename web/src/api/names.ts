import { useDebouncedValue } from '@mantine/hooks'
import { useQueries } from '@tanstack/react-query'
import { type Attribute, beginningWith } from '@/lib/filters'
import type { Range } from '@/lib/time'
import { usageQuery } from './usage'

/** Names that are listed at once; the others are found by how they begin. */
const LISTED_MAX = 200
/** How long nobody types before it is looked for. */
const TYPING_MS = 150

interface NamesAsked {
  attributes: Attribute[]
  range: Range
  tz: string
  /** What somebody has typed of a name. */
  text: string
  enabled?: boolean
}

export interface KnownName {
  attribute: Attribute
  name: string
}

/**
 * The names that were used in a time, those with the most spend first. Where there are more than can be
 * listed, what is typed is looked for among all of them, by how they begin.
 */
export function useNames({ attributes, range, tz, text, enabled = true }: NamesAsked) {
  const [sought] = useDebouncedValue(text.trim(), TYPING_MS)
  const question = (attribute: Attribute) => ({
    range,
    tz,
    by: [attribute],
    measures: ['spend' as const],
    top: LISTED_MAX,
  })
  const largest = useQueries({
    queries: attributes.map((attribute) => ({
      ...usageQuery('breakdown', question(attribute)),
      enabled,
    })),
  })
  const cut = attributes.filter((_, at) => largest[at]?.data?.rows.some(({ isOther }) => isOther))
  const found = useQueries({
    queries: (sought === '' ? [] : cut).map((attribute) => ({
      ...usageQuery('breakdown', {
        ...question(attribute),
        filters: [beginningWith(attribute, sought)],
      }),
      enabled,
    })),
  })
  const names = [...largest, ...found].flatMap(({ data }): KnownName[] => {
    const attribute = data?.question.by?.[0]
    if (!data || !attribute) return []
    const rows = data.rows.filter(({ isOther }) => !isOther)
    return rows.map((row) => ({ attribute, name: row.names[0] ?? '' }))
  })
  const isKnown =
    sought === text.trim() && [...largest, ...found].every(({ isSuccess }) => isSuccess)
  return { names: once(names), isKnown }
}

/** Each name once, where it stands first. */
function once(names: KnownName[]): KnownName[] {
  return [...new Map(names.map((one) => [`${one.attribute}\n${one.name}`, one])).values()]
}
