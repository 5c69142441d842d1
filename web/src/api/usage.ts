import { keepPreviousData, queryOptions, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { type Attribute, type Filter, filterParams } from '@/lib/filters'
import { type Measure, parseReading, type Readings } from '@/lib/measures'
import { asked, type Kind, type Question } from '@/lib/question'
import type { UsageRow } from '@/lib/series'
import type { Range } from '@/lib/time'
import type { UsageEvent } from '@/wire'
import { api, rangeQuery, type Shape } from './client'
import { type Freshness, keys } from './keys'

export type { Question } from '@/lib/question'
export type { UsageRow } from '@/lib/series'
export type { EventPage, UsageEvent } from '@/wire'

export interface UsageAnswer {
  /** What was asked: an answer may stay on the page while the next question is on its way. */
  question: Question
  rows: UsageRow[]
  total: Readings
}

function parseAnswer(wire: Shape<'UsageAnswer'>, question: Question): UsageAnswer {
  const { by = [], measures } = question
  const rows = wire.rows.map((row) => ({
    time: row.time ? new Date(String(row.time)) : null,
    names: by.map((attribute) => String(row[attribute] ?? '')),
    isOther: row.other === true,
    readings: parseReadings(row, measures),
  }))
  return { question, rows, total: parseReadings(wire.total, measures) }
}

function parseReadings(wire: Record<string, unknown>, measures: Measure[]): Readings {
  return Object.fromEntries(
    measures.map((measure) => [measure, parseReading(measure, wire[measure])]),
  )
}

function freshness(range: Range): Freshness {
  return range.to.getTime() > Date.now() ? 'running' : 'settled'
}

/** One question, as the cache knows it. */
export function usageQuery(kind: Kind, question: Question) {
  const told = asked(question)
  return queryOptions({
    queryKey: keys.usage(freshness(question.range), kind, told),
    queryFn: async ({ signal }) =>
      parseAnswer(await api.get(`/api/v1/usage/${kind}`, { ...told, signal }), question),
    staleTime: 60_000,
  })
}

/**
 * Asks. The last answer stays on the page while the next one is fetched, unless it is about
 * something else: a provider's row must not be taken for a model's.
 */
export function useUsage(kind: Kind, question: Question, { enabled = true } = {}) {
  return useQuery({
    ...usageQuery(kind, question),
    placeholderData: (last) => (last && isAlike(last.question, question) ? last : undefined),
    enabled,
  })
}

function isAlike(a: Question, b: Question): boolean {
  return a.by?.join() === b.by?.join() && a.measures.join() === b.measures.join()
}

/** Where the same answer is as a CSV file, with every digit. */
export function csvHref(kind: Kind, question: Question): string {
  const { query, filters } = asked(question)
  return api.address(`/api/v1/usage/${kind}`, { query: { ...query, format: 'csv' }, filters })
}

/** Where the same answer is. */
export function questionHref(kind: Kind, question: Question): string {
  return api.address(`/api/v1/usage/${kind}`, asked(question))
}

/** A key that two pages of events never share: an id may come again as a correction. */
export function eventKey(event: UsageEvent): string {
  return `${event.source}\n${event.id}\n${event.kind}\n${event.received_at}`
}

/**
 * What a rated event was charged for, at the prices of its moment: the event itself keeps which rows
 * these were. Whoever shows them checks that they come to its amount.
 */
export function useChargeLines({
  basis,
  kind,
  provider,
  model,
  quantities,
  occurred_at,
}: UsageEvent) {
  const asked = { provider: provider ?? undefined, model: model ?? undefined, quantities }
  return useQuery({
    queryKey: keys.chargeLines(asked, occurred_at),
    queryFn: async ({ signal }) => {
      const body = { ...asked, at: occurred_at }
      return (await api.post('/api/v1/prices/quote', { body, signal })).lines
    },
    enabled: basis === 'rated' && kind === 'usage',
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  })
}

/** What the filters may be judged by. */
export function eventAttribute(event: UsageEvent, attribute: Attribute): string | null | undefined {
  if (attribute.startsWith('tag.')) return event.tags?.[attribute.slice(4)]
  switch (attribute) {
    case 'team':
    case 'project':
    case 'platform':
    case 'environment':
      return event.dimensions?.[attribute]
    default:
      return event[attribute as keyof UsageEvent] as string | null | undefined
  }
}

export interface EventsQuestion {
  /** All of the past where there is none. */
  range?: Range
  filters: Filter[]
  limit: number
  /** Only what was sent under this id. */
  id?: string
}

/** The newest events first, page by page. */
export function useEvents({ range, filters, limit, id }: EventsQuestion) {
  const query = { ...(range && rangeQuery(range)), limit, id }
  const told = { query, filters: filterParams(filters) }
  return useInfiniteQuery({
    queryKey: keys.events(range ? freshness(range) : 'settled', told),
    queryFn: ({ pageParam, signal }) => {
      const query = { ...told.query, cursor: pageParam || undefined }
      return api.get('/api/v1/usage/events', { ...told, query, signal })
    },
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
    staleTime: 60_000,
    meta: { range, filters },
  })
}

/** Whether any event was ever accepted; what is first asked of a new deployment. */
export function useHasEvents() {
  return useQuery({
    queryKey: keys.anyEvent(),
    queryFn: async ({ signal }) => {
      const page = await api.get('/api/v1/usage/events', { query: { limit: 1 }, signal })
      return page.items.length > 0
    },
    staleTime: (query) => (query.state.data ? Number.POSITIVE_INFINITY : 0),
  })
}

/** Whether any event in all of the past passes the filters. */
export function useWasUsed(filters: Filter[], { enabled = true } = {}) {
  const told = { query: { measures: 'events' }, filters: filterParams(filters) }
  return useQuery({
    queryKey: keys.wasUsed(told),
    queryFn: async ({ signal }) => {
      const { total } = await api.get('/api/v1/usage/total', { ...told, signal })
      return Number(total.events) > 0
    },
    enabled,
    staleTime: 60_000,
  })
}

/** What else was said under an event's id by its source: what it corrects, and what corrected it. */
export function useEventStory({ id, source }: UsageEvent) {
  return useQuery({
    queryKey: keys.eventStory(source, id),
    queryFn: async ({ signal }) => {
      const query = { id, source, limit: 100 }
      return (await api.get('/api/v1/usage/events', { query, signal })).items
    },
    staleTime: 30_000,
  })
}
