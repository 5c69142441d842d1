import type { SavedView, SavedViewDraft } from '@/wire'
import { type Filter, filterText, isAttribute, readScope, scopeBody } from './filters'
import { isMeasure, MEASURES } from './measures'
import { isPreset, type Period } from './period'
import { isZone } from './time'
import { DEFAULT_VIEW, type Shown, type View, viewQuery } from './view'

/** What the address of Explore has beside the view itself. */
export interface TableWords {
  /** `spend`, or `-spend` for the order turned around. */
  sort: string | null
  /** Columns, joined by commas. */
  columns: string | null
}

const FORMS: Record<Shown, NonNullable<SavedViewDraft['form']>> = {
  chart: 'bars',
  line: 'line',
  cumulative: 'cumulative',
  heat: 'heat_map',
  table: 'table',
}

/** What the forms are called. */
export const SHOWN_WORDS: Record<Shown, string> = {
  chart: 'Bars',
  line: 'Lines',
  cumulative: 'Cumulative',
  heat: 'Heat map',
  table: 'Table',
}

/** The view that was kept, as pages have it. What a newer server keeps and we do not know is left out. */
export function viewOfSaved(saved: SavedView): View {
  const { period, tz, filters, measure, by, every, compare, form } = saved
  const shown = (Object.keys(FORMS) as Shown[]).find((shown) => FORMS[shown] === form)
  return {
    period: periodOfSaved(period),
    tz: tz !== null && isZone(tz) ? tz : null,
    filters: readScope(filters),
    compare,
    by: by.filter(isAttribute),
    measure: isMeasure(measure) ? measure : DEFAULT_VIEW.measure,
    every,
    shown: shown ?? DEFAULT_VIEW.shown,
  }
}

function periodOfSaved(period: SavedView['period']): Period {
  if (period.kind === 'fixed') return { kind: 'custom', from: period.from, to: period.to }
  return isPreset(period.span) ? { kind: 'preset', preset: period.span } : DEFAULT_VIEW.period
}

/** What is kept of a page: its view, and how its table is ordered. */
export function draftOfView(
  name: string,
  view: View,
  { sort, columns }: TableWords,
  audience: SavedViewDraft['audience'] = 'owner',
): SavedViewDraft {
  const { period } = view
  return {
    name,
    audience,
    filters: scopeBody(view.filters),
    measure: view.measure,
    by: view.by,
    period:
      period.kind === 'preset'
        ? { kind: 'relative', span: period.preset }
        : { kind: 'fixed', from: period.from, to: period.to },
    tz: view.tz,
    every: view.every,
    compare: view.compare,
    form: FORMS[view.shown],
    columns: columns ? columns.split(',') : [],
    sort: sort ? { column: sort.replace(/^-/, ''), reversed: sort.startsWith('-') } : null,
  }
}

/** What the address says of the table of a view that was kept. */
export function tableWordsOf({ sort, columns }: SavedView): TableWords {
  return {
    sort: sort && (sort.reversed ? `-${sort.column}` : sort.column),
    columns: columns.length > 0 ? columns.join(',') : null,
  }
}

/** Where a view that was kept is opened: the address has all of it, and which one it is. */
export function linkOfSaved(saved: SavedView): string {
  const words = tableWordsOf(saved)
  const own = new URLSearchParams()
  if (words.sort) own.set('sort', words.sort)
  if (words.columns) own.set('columns', words.columns)
  own.set('view', saved.id)
  return `/explore?${[viewQuery(viewOfSaved(saved)), own].filter(String).join('&')}`
}

/** Whether a page shows something else than the view that it was opened by. */
export function isChanged(saved: SavedView, view: View, words: TableWords): boolean {
  const text = (view: View, { sort, columns }: TableWords) =>
    [viewQuery(view), sort ?? '', columns ?? ''].join('\n')
  return text(view, words) !== text(viewOfSaved(saved), tableWordsOf(saved))
}

/** What a view is of, in a line: `Spend by model, where provider is openai`. */
export function viewWords(view: View): string {
  const by = view.by.length > 0 ? ` by ${view.by.map(lowerAttribute).join(' and ')}` : ''
  const where = filterWords(view.filters)
  return `${MEASURES[view.measure].label}${by}${where && `, where ${where}`}`
}

function lowerAttribute(attribute: string): string {
  return attribute.startsWith('tag.') ? `tag ${attribute.slice(4)}` : attribute
}

/** Filters in a line: `provider is openai and team is not ops`. */
export function filterWords(filters: Filter[]): string {
  return filters
    .map(filterText)
    .map((text) => text.charAt(0).toLowerCase() + text.slice(1))
    .join(' and ')
}
