import type {
  Alert,
  AlertRule,
  AlertSeverity,
  AlertState,
  Condition,
  RuleDraft,
  SpikeSeverity,
} from '@/wire'
import { formatAmount, parseAmount } from './amount'
import { type Filter, filterText, readScope, scopeBody } from './filters'
import { isMeasure, MEASURES, type Measure } from './measures'
import { fieldText, formatCount, formatDuration, plural, readNumber, readWhole } from './number'
import type { Refusal } from './refusal'
import { formatMoment } from './time'

export const ALERT_STATES: Record<AlertState, string> = {
  open: 'Open',
  acknowledged: 'Acknowledged',
  resolved: 'Resolved',
}

export function readAlertState(text: string | null): AlertState {
  return text !== null && Object.hasOwn(ALERT_STATES, text) ? (text as AlertState) : 'open'
}

export const SEVERITY_WORDS: Record<AlertSeverity, string> = {
  info: 'Info',
  warning: 'Warning',
  critical: 'Critical',
}

export function readSeverity(text: string | null): AlertSeverity | null {
  return text !== null && Object.hasOwn(SEVERITY_WORDS, text) ? (text as AlertSeverity) : null
}

/** What can be watched, in the words of the form. */
export const CONDITIONS: Record<Condition['kind'], string> = {
  budget: 'A budget reaches a threshold',
  above: 'A measure reaches a limit',
  anomaly: 'Spend is not as expected',
  change: 'Spend finds a new level',
  silence: 'Nothing comes in',
  unpriced: 'Usage has no price',
  owing: 'An account owes',
  limits: 'An account nears a limit of its plan',
  health: 'The server is in trouble',
}

export const SPIKES: Record<SpikeSeverity, string> = {
  low: 'Just outside its range',
  medium: 'Clearly outside its range',
  high: 'Far outside its range',
  critical: 'Very far outside its range',
}

/** `Spend of 24 hours reaches $100.00, where provider is openai`. */
export function conditionWords(condition: Condition, currency: string): string {
  const where = 'scope' in condition ? scopeWords(condition.scope) : ''
  switch (condition.kind) {
    case 'above': {
      const { measure } = condition
      const { label, kind } = isMeasure(measure)
        ? MEASURES[measure]
        : { label: measure, kind: 'count' }
      const limit =
        kind === 'amount'
          ? formatAmount(parseAmount(condition.limit), currency)
          : kind === 'duration'
            ? formatDuration(Number(condition.limit))
            : formatCount(Number(condition.limit))
      return `${label} of ${plural(condition.hours, 'hour')} reaches ${limit}${where}`
    }
    case 'silence':
      return `Nothing comes in for ${plural(condition.hours, 'hour')}${where}`
    case 'anomaly':
      return `${CONDITIONS.anomaly}, ${lower(SPIKES[condition.severity ?? 'medium'])}${where}`
    default:
      return `${CONDITIONS[condition.kind]}${where}`
  }
}

function scopeWords(scope: Record<string, string[]> = {}): string {
  const texts = readScope(scope).map((filter) => lower(filterText(filter)))
  return texts.length > 0 ? `, where ${texts.join(' and ')}` : ''
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}

/** What became of an alert: `seen by maria, silent until 3 Sep 2026, 10:00:00 UTC`. */
export function fateWords(alert: Alert, now: Date, tz: string): string {
  if (alert.state === 'resolved') {
    const at = alert.resolved_at ? ` ${formatMoment(new Date(alert.resolved_at), tz)}` : ''
    const seen = alert.acknowledged_by ? `seen by ${alert.acknowledged_by}, ` : ''
    const end = alert.resolved_by ? `closed by ${alert.resolved_by}${at}` : `over by itself${at}`
    return seen + end
  }
  const parts = []
  if (alert.acknowledged_by) parts.push(`seen by ${alert.acknowledged_by}`)
  if (isSnoozed(alert, now) && alert.snoozed_until) {
    parts.push(`silent until ${formatMoment(new Date(alert.snoozed_until), tz)}`)
  }
  return parts.join(', ')
}

export function isSnoozed({ snoozed_until }: Alert, now: Date): boolean {
  return snoozed_until !== null && new Date(snoozed_until) > now
}

/** A rule as the form holds it: every field that any condition has. */
export interface RuleForm {
  name: string
  severity: AlertSeverity
  enabled: boolean
  kind: Condition['kind']
  measure: Measure
  hours: string
  limit: string
  spike: SpikeSeverity
  filters: Filter[]
}

export const EMPTY_RULE: RuleForm = {
  name: '',
  severity: 'warning',
  enabled: true,
  kind: 'above',
  measure: 'spend',
  hours: '24',
  limit: '',
  spike: 'medium',
  filters: [],
}

export function ruleFormOf({ name, severity, enabled, condition }: AlertRule): RuleForm {
  const form = { ...EMPTY_RULE, name, severity, enabled, kind: condition.kind }
  if ('scope' in condition) form.filters = readScope(condition.scope ?? {})
  if ('hours' in condition) form.hours = String(condition.hours)
  if (condition.kind === 'above') {
    // One that was made over the API may watch a meter of somebody's own, and goes on doing so.
    form.measure = condition.measure as Measure
    form.limit = fieldText(condition.limit)
  }
  if (condition.kind === 'anomaly') form.spike = condition.severity ?? 'medium'
  return form
}

/** Whether the condition is about a part of the usage. */
export function hasScope(kind: Condition['kind']): boolean {
  return kind === 'above' || kind === 'anomaly' || kind === 'change' || kind === 'silence'
}

/** Hours that a rule may look back. */
const HOURS_MAX = 744

export function ruleDraftOf(form: RuleForm): RuleDraft | Refusal {
  const limit = readNumber(form.limit, '100 or 2.50')
  const hours = readWhole(form.hours, 1, HOURS_MAX)
  const faults: Refusal[] = []
  if (!form.name.trim()) faults.push({ field: 'name', words: 'Write what people call it.' })
  if ((form.kind === 'above' || form.kind === 'silence') && hours === null) {
    faults.push({ field: 'condition.hours', words: `Write 1 to ${HOURS_MAX} hours.` })
  }
  if (form.kind === 'above' && 'words' in limit) {
    faults.push({ field: 'condition.limit', words: limit.words })
  }
  const [first, ...also] = faults
  if (first) return { ...first, also }
  const { name, severity, enabled } = form
  const read = { hours: hours ?? 1, limit: 'text' in limit ? limit.text : '' }
  return { name, severity, enabled, condition: conditionOf(form, read) }
}

function conditionOf(
  form: RuleForm,
  { hours, limit }: { hours: number; limit: string },
): Condition {
  const { kind, measure, spike } = form
  const scope = scopeBody(form.filters)
  switch (kind) {
    case 'above':
      return { kind, measure, hours, limit, scope }
    case 'anomaly':
      return { kind, severity: spike, scope }
    case 'change':
      return { kind, scope }
    case 'silence':
      return { kind, hours, scope }
    default:
      return { kind }
  }
}
