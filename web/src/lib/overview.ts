import { type Attribute, type Filter, filterParams } from './filters'
import { type Period, type Preset, previousUpToNow, rangeOf } from './period'
import { type Asking, type Kind, type Question, seriesQuestions } from './question'
import { type Every, type Range, rangeQuery } from './time'

/** A span whose spend stands at the head of the overview. */
export interface Span {
  title: string
  preset: Preset
  every: Every
}

export const SPANS: Span[] = [
  { title: 'Today', preset: 'today', every: 'hour' },
  { title: 'This week', preset: 'week', every: 'day' },
  { title: 'This month', preset: 'month', every: 'day' },
]

type Moment = Pick<Asking, 'view' | 'tz' | 'now'>

/** What a span came to so far, bar by bar, and the span before up to the same moment. */
export function spanQuestions({ preset, every }: Span, { view, tz, now }: Moment) {
  const period: Period = { kind: 'preset', preset }
  const ask = { tz, filters: view.filters, measures: ['spend' as const] }
  const current: Question = { ...ask, range: rangeOf(period, now, tz), every }
  const before: Question = { ...ask, range: previousUpToNow(period, now, tz) }
  return { current, before }
}

/** The month, day by day. */
export function monthQuestion({ view, tz, now }: Moment): Question {
  const range = rangeOf({ kind: 'preset', preset: 'month' }, now, tz)
  return { range, tz, filters: view.filters, measures: ['spend'], every: 'day' }
}

export interface BriefAsked {
  range: Range
  /** What the change is told apart by. */
  by: Attribute
  tz: string
  filters: Filter[]
}

/** What to know first about some usage, as the API is asked for it. */
export function askedBrief({ range, by, tz, filters }: BriefAsked) {
  return { query: { ...rangeQuery(range), by, tz }, filters: filterParams(filters) }
}

/** What the change on the overview is told apart by. */
export function briefOf({ view, range, tz }: Asking): BriefAsked {
  return { range, tz, by: view.by[0] ?? 'provider', filters: view.filters }
}

/** What the overview asks of the usage first, in the order in which it is seen. */
export function overviewQuestions(asking: Asking): [Kind, Question][] {
  const { view } = asking
  const chart = seriesQuestions(asking, 'spend', view.by.slice(0, 1))
  const spans = SPANS.map((span) => spanQuestions(span, asking))
  const compared: [Kind, Question][] = view.compare
    ? [
        ['series', chart.before],
        ['total', chart.base],
      ]
    : []
  return [
    ['series', monthQuestion(asking)],
    ['series', chart.current],
    ...spans.map(({ current }): [Kind, Question] => ['series', current]),
    ...spans.map(({ before }): [Kind, Question] => ['total', before]),
    ...compared,
  ]
}
