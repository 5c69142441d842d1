import { type Attribute, type Filter, filterParams } from './filters'
import { isMeasure, type Measure } from './measures'
import { alignedRange, previousUpToNow } from './period'
import { SERIES_MAX } from './series'
import { type Every, fittingEvery, possibleEvery, type Range, rangeQuery } from './time'
import type { View } from './view'

/** What is asked of the usage in a span of time. */
export interface Question {
  range: Range
  tz: string
  by?: Attribute[]
  filters?: Filter[]
  measures: Measure[]
  every?: Every
  /** This many rows, the rest folded into one. */
  top?: number
}

export type Kind = 'total' | 'series' | 'breakdown'

/** The question, as the API takes it. */
export function asked({ range, tz, by = [], filters = [], measures, every, top }: Question) {
  return {
    query: {
      ...rangeQuery(range),
      tz,
      every,
      by: by.join(',') || undefined,
      top,
      measures: measures.filter(isMeasure).join(','),
    },
    filters: filterParams(filters),
  }
}

/** What a chart's questions are about. */
export interface Asking {
  view: View
  range: Range
  tz: string
  now: Date
}

/** What a chart asks: its series, the period before bar by bar, and what that came to up to now. */
export function seriesQuestions(
  { view, range, tz, now }: Asking,
  measure: Measure,
  by: Attribute[],
) {
  const possible = possibleEvery(range)
  const every = view.every && possible.includes(view.every) ? view.every : fittingEvery(range)
  const ask = { tz, filters: view.filters, measures: [measure] }
  const current: Question = {
    ...ask,
    range,
    every,
    by,
    top: by.length > 0 ? SERIES_MAX : undefined,
  }
  const before: Question = { ...ask, range: alignedRange(view.period, every, now, tz), every }
  const base: Question = { ...ask, range: previousUpToNow(view.period, now, tz) }
  return { possible, every, current, before, base }
}
