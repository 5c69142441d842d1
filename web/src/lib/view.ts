import {
  type Attribute,
  type Filter,
  filterParams,
  isAttribute,
  isFilterKey,
  readFilters,
} from './filters'
import { isMeasure, type Measure } from './measures'
import { DEFAULT_PERIOD, isPreset, type Period } from './period'
import { type Every, isDay, isZone } from './time'

/** What a page shows, all of it in the URL: a link to a view is the view. */
export interface View {
  period: Period
  /** The zone whose calendar the buckets follow; `null` for the deployment's. */
  tz: string | null
  filters: Filter[]
  compare: boolean
  by: Attribute[]
  measure: Measure
  /** How wide the buckets are; `null` for what fits the period. */
  every: Every | null
  shown: Shown
}

/** How the figures are drawn; `chart` is bars, and lines where they do not add up. */
export type Shown = 'chart' | 'line' | 'cumulative' | 'heat' | 'table'

const SHOWN: Shown[] = ['chart', 'line', 'cumulative', 'heat', 'table']

/** Dimensions in one question, at most. */
export const BY_MAX = 3

export const DEFAULT_VIEW: View = {
  period: DEFAULT_PERIOD,
  tz: null,
  filters: [],
  compare: true,
  by: ['provider'],
  measure: 'spend',
  every: null,
  shown: 'chart',
}

const EVERY: Every[] = ['hour', 'day', 'week', 'month']

/** Reads a view from a URL's query. What makes no sense is as if it were not there. */
export function readView(query: URLSearchParams): View {
  const by = (query.get('by') ?? '').split(',').filter(isAttribute)
  const measure = query.get('measure') ?? ''
  const tz = query.get('tz')
  return {
    period: readPeriod(query),
    tz: tz && isZone(tz) ? tz : null,
    filters: readFilters(query),
    compare: query.get('compare') !== 'off',
    by: query.has('by') ? [...new Set(by)].slice(0, BY_MAX) : DEFAULT_VIEW.by,
    measure: isMeasure(measure) ? measure : DEFAULT_VIEW.measure,
    every: EVERY.find((every) => every === query.get('every')) ?? null,
    shown: SHOWN.find((shown) => shown === query.get('shown')) ?? DEFAULT_VIEW.shown,
  }
}

function readPeriod(query: URLSearchParams): Period {
  const [from, to] = [query.get('from'), query.get('to')]
  if (from && to && isBound(from) && isBound(to) && isSpan(from, to)) {
    return { kind: 'custom', from, to }
  }
  const preset = query.get('period') ?? ''
  return isPreset(preset) ? { kind: 'preset', preset } : DEFAULT_PERIOD
}

/** Days include both ends, so one day is a span; two equal moments are none. */
function isSpan(from: string, to: string): boolean {
  return isDay(to) ? from <= `${to}T24` : from < to
}

function isBound(text: string): boolean {
  return (
    isDay(text) || (/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/.test(text) && !Number.isNaN(Date.parse(text)))
  )
}

/** Writes a view as a URL's query, leaving out what is as by default. */
export function viewQuery(view: View): string {
  const params: [string, string][] = []
  const { period } = view
  if (period.kind === 'custom') params.push(['from', period.from], ['to', period.to])
  else if (viewPreset(DEFAULT_PERIOD) !== period.preset) params.push(['period', period.preset])
  if (view.tz) params.push(['tz', view.tz])
  if (!view.compare) params.push(['compare', 'off'])
  if (view.by.join() !== DEFAULT_VIEW.by.join()) params.push(['by', view.by.join(',')])
  if (view.measure !== DEFAULT_VIEW.measure) params.push(['measure', view.measure])
  if (view.every) params.push(['every', view.every])
  if (view.shown !== 'chart') params.push(['shown', view.shown])
  params.push(...filterParams(view.filters))
  return params.map(([key, value]) => `${encode(key)}=${encode(value)}`).join('&')
}

function viewPreset(period: Period): string | null {
  return period.kind === 'preset' ? period.preset : null
}

/** Like `encodeURIComponent`, but a colon, a comma or a slash stays readable. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/%(3A|2C|2F|40)/g, decodeURIComponent)
}

const KEYS = ['period', 'from', 'to', 'tz', 'compare', 'by', 'measure', 'every', 'shown']

/** Whether a word of a URL's query belongs to the view, and not to the page alone. */
export function isOfView(key: string): boolean {
  return KEYS.includes(key) || isFilterKey(key)
}

/** What stays when people go to another page: when, whose and of what, but not how it is drawn. */
export function carried(view: View): View {
  const { period, tz, filters, compare } = view
  return { ...DEFAULT_VIEW, period, tz, filters, compare }
}

/** The account everything is narrowed to, if it is one: the scope in the top bar. */
export function scopeOf(view: View): string | null {
  const filter = view.filters.find(({ attribute, op }) => attribute === 'account' && op === 'in')
  return filter?.values.length === 1 ? (filter.values[0] ?? null) : null
}
