import { type Filter, filterParams } from '@/lib/filters'
import type { Range } from '@/lib/time'
import { api, rangeQuery } from './client'

interface Exported {
  range: Range
  filters: Filter[]
}

/** Where all events are as a file. */
export function eventsHref({
  range,
  filters,
  format,
}: Exported & { format: 'csv' | 'ndjson' | 'parquet' }): string {
  const query = { ...rangeQuery(range), format }
  return api.address('/api/v1/exports/events', { query, filters: filterParams(filters) })
}

interface FocusAsked extends Exported {
  format: 'csv' | 'parquet'
  version: '1.2' | '1.4'
  granularity: 'hour' | 'day'
  tz: string
}

/** Where charges are in the form of FOCUS. */
export function focusHref({ range, filters, ...asked }: FocusAsked): string {
  const query = { ...rangeQuery(range), ...asked }
  return api.address('/api/v1/exports/focus', { query, filters: filterParams(filters) })
}

/** Where the report of a month is, as a page to print. */
export function reportHref(month: string, tz: string): string {
  return api.address('/api/v1/reports/month', { query: { month, tz } })
}
