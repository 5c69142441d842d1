import type { AuditLine } from '@/wire'

/** What was done, in words: `alice changed the user bob`. */
export function actWords(action: string): string {
  const [noun = '', verb = ''] = action.split('.')
  return `${noun.replaceAll('_', ' ')} ${verb.replaceAll('_', ' ')}`.trim()
}

/** What else is known of an act, in a line: `role: member → admin; from: link`. */
export function detailWords(detail: AuditLine['detail']): string {
  return Object.entries(detail)
    .map(([name, value]) => `${name.replaceAll('_', ' ')}: ${valueWords(value)}`)
    .join('; ')
}

function valueWords(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (isChange(value)) return `${valueWords(value.before)} → ${valueWords(value.after)}`
  if (typeof value !== 'object') return String(value)
  const parts = Array.isArray(value)
    ? value.map(valueWords)
    : Object.entries(value).map(
        ([name, part]) => `${name.replaceAll('_', ' ')} ${valueWords(part)}`,
      )
  return parts.length > 0 ? parts.join(', ') : 'nothing'
}

function isChange(value: unknown): value is { before: unknown; after: unknown } {
  return typeof value === 'object' && value !== null && 'before' in value && 'after' in value
}
