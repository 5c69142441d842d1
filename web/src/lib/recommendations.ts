import type {
  Measured,
  Recommendation,
  RecommendationKind,
  RecommendationState,
  Saving,
} from '@/wire'
import { type Amount, formatAmount, parseAmount } from './amount'
import { shareOf } from './measures'
import { formatShare, plural } from './number'
import { formatDay, formatMoment } from './time'

export const RECOMMENDATION_STATES: Record<RecommendationState, string> = {
  open: 'Open',
  snoozed: 'Snoozed',
  done: 'Done',
  dismissed: 'Dismissed',
}

export function readRecommendationState(text: string | null): RecommendationState {
  return text !== null && Object.hasOwn(RECOMMENDATION_STATES, text)
    ? (text as RecommendationState)
    : 'open'
}

const KINDS: Record<RecommendationKind, string> = {
  cheaper_model: 'Cheaper model',
  prompt_caching: 'Prompt caching',
  batch: 'Batch',
  context_tier: 'Context tier',
  failures: 'Failures',
  idle: 'Idle',
  volatility: 'Volatility',
  growth: 'Growth',
  anomalies: 'Unusual days',
  budget: 'Budget',
  service: 'Service',
}

/** What kind of advice it is; a newer server may have others. */
export function kindWords(kind: string): string {
  return KINDS[kind as RecommendationKind] ?? kind.replaceAll('_', ' ')
}

export const PRIORITY_WORDS: Record<Recommendation['priority'], string> = {
  high: 'First',
  medium: 'Then',
  low: 'When there is time',
}

export const CONFIDENCE_WORDS: Record<Recommendation['confidence'], string> = {
  high: 'Sure',
  medium: 'Fairly sure',
  low: 'To be tried',
}

/** `$30.00 to $60.00`; nothing where both ends are the saving itself. */
export function savingRange({ monthly, low, high }: Saving, currency: string): string | null {
  if (low === high && low === monthly) return null
  return `${formatAmount(parseAmount(low), currency)} to ${formatAmount(parseAmount(high), currency)}`
}

/** The saving as a part of a month of what was spent in so many days: `3.7 %`. */
export function savingShare({ monthly }: Saving, spend: string, days: number): string | null {
  const saved = parseAmount(monthly) * BigInt(days)
  const tenths = shareOf(saved as Amount, (parseAmount(spend) * MONTH_DAYS) as Amount)
  return tenths === null ? null : formatShare(tenths)
}

/** A month of a saving is as long as this. */
const MONTH_DAYS = 30n

/** What somebody decided: `Dismissed by maria on 3 Sep 2026, 10:00:00 UTC`. */
export function decisionWords(item: Recommendation, tz: string): string | null {
  if (item.state === 'open') return null
  const by = item.changed_by ? ` by ${item.changed_by}` : ''
  if (item.state === 'snoozed' && item.snoozed_until) {
    return `Silent until ${formatMoment(new Date(item.snoozed_until), tz)}${by && `, asked for${by}`}`
  }
  const at = item.changed_at ? ` on ${formatMoment(new Date(item.changed_at), tz)}` : ''
  return `${RECOMMENDATION_STATES[item.state]}${by}${at}`
}

/** What it saved since it was done, in a sentence; the range holds in four of five cases. */
export function measuredWords(measured: Measured, currency: string, now: Date): string {
  const money = (text: string) => formatAmount(parseAmount(text), currency)
  const since = formatDay(new Date(`${measured.since}T00:00:00Z`), 'UTC', now)
  const days = `In ${plural(measured.days, 'day')} since ${since}`
  const spent = `${money(measured.actual)} spent where ${money(measured.expected)} was expected`
  return `${days}: ${spent}, ${money(measured.saved)} saved (${money(measured.low)} to ${money(measured.high)})`
}

/** Which columns of a proof are figures, to stand to the right; the first one says of what. */
export function figureColumns({ columns, rows }: NonNullable<Recommendation['proof']>): boolean[] {
  const isFigure = (cell = '') => /^[−+-]?\D{0,4}\d|^[–—-]?$|^unpriced$/.test(cell)
  return columns.map((_, at) => at > 0 && rows.length > 0 && rows.every((row) => isFigure(row[at])))
}
