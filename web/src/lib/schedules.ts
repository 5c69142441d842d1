import type { ExportRun, ExportSchedule, ExportScheduleDraft } from '@/wire'
import { type Filter, readScope, scopeBody } from './filters'
import { readWhole } from './number'
import type { Refusal } from './refusal'
import { type Day, formatDay, startOfDay } from './time'

type Export = ExportSchedule['export']
type Cadence = ExportSchedule['cadence']
export type Weekday = Extract<Cadence, { every: 'week' }>['on']

export const WEEKDAYS: Record<Weekday, string> = {
  monday: 'Monday',
  tuesday: 'Tuesday',
  wednesday: 'Wednesday',
  thursday: 'Thursday',
  friday: 'Friday',
  saturday: 'Saturday',
  sunday: 'Sunday',
}

/** Files that one schedule keeps, at most. */
export const KEEP_MAX = 400

/** What can be written, each in one of its forms. */
export const EXPORTS = {
  'events csv': 'Events, as CSV',
  'events ndjson': 'Events, as NDJSON',
  'events parquet': 'Events, as Parquet',
  'focus csv': 'Charges as FOCUS, as CSV',
  'focus parquet': 'Charges as FOCUS, as Parquet',
  report: 'The report of the month',
} as const

export type ExportKey = keyof typeof EXPORTS

export function exportKey(written: Export): ExportKey {
  if (written.kind === 'report') return 'report'
  return written.kind === 'focus' ? `focus ${written.format}` : `events ${written.format}`
}

/** What is written, as people say it: `Charges as FOCUS 1.4 by the hour, as CSV`. */
export function exportWords(written: Export): string {
  if (written.kind !== 'focus') return EXPORTS[exportKey(written)]
  const form = written.format === 'csv' ? 'CSV' : 'Parquet'
  const hours = written.granularity === 'hour' ? ' by the hour' : ''
  return `Charges as FOCUS ${written.version ?? '1.4'}${hours}, as ${form}`
}

/** When, as people say it: `Mondays at 06:00, Europe/Berlin`. */
export function cadenceWords({
  cadence,
  hour,
  tz,
}: Pick<ExportSchedule, 'cadence' | 'hour' | 'tz'>) {
  return `${dayWords(cadence)} at ${hourText(hour)}, ${tz}`
}

function dayWords(cadence: Cadence): string {
  if (cadence.every === 'day') return 'Every day'
  if (cadence.every === 'week') return `${WEEKDAYS[cadence.on]}s`
  return `The ${ordinal(cadence.on)} of every month`
}

/** `06:00` */
export function hourText(hour: number): string {
  return `${String(hour).padStart(2, '0')}:00`
}

/** `1st`, `2nd`, `11th`, `23rd` */
export function ordinal(number: number): string {
  const isTeen = number % 100 >= 11 && number % 100 <= 13
  const ending = isTeen ? 'th' : (['th', 'st', 'nd', 'rd'][number % 10] ?? 'th')
  return `${number}${ending}`
}

/** The days that a file is of: `21 Nov`, `16 Nov to 22 Nov`. */
export function periodWords(
  { first_day, last_day }: Pick<ExportRun['period'], 'first_day' | 'last_day'>,
  tz: string,
  now: Date,
): string {
  const day = (day: Day) => formatDay(startOfDay(day, tz), tz, now)
  return first_day === last_day ? day(first_day) : `${day(first_day)} to ${day(last_day)}`
}

/** How far a file is, in words. */
export function stateWords({ state, running }: Pick<ExportRun, 'state' | 'running'>): string {
  if (running) return 'Being made'
  return { waiting: 'About to be made', done: 'Made', failed: 'Failed', removed: 'Removed' }[state]
}

/** What stands in the fields of a schedule. */
export interface ScheduleForm {
  name: string
  written: ExportKey
  version: '1.2' | '1.4'
  granularity: 'day' | 'hour'
  filters: Filter[]
  every: Cadence['every']
  weekday: Weekday
  monthDay: string
  hour: number
  tz: string
  keep: string
  enabled: boolean
}

export function emptyForm(tz: string, filters: Filter[]): ScheduleForm {
  return {
    name: '',
    written: 'focus csv',
    version: '1.4',
    granularity: 'day',
    filters,
    every: 'day',
    weekday: 'monday',
    monthDay: '1',
    hour: 6,
    tz,
    keep: '30',
    enabled: true,
  }
}

export function formOf(schedule: ExportSchedule): ScheduleForm {
  const { name, cadence, hour, tz, keep, enabled } = schedule
  const focus = schedule.export.kind === 'focus' ? schedule.export : null
  return {
    ...emptyForm(tz, readScope(schedule.filters)),
    name,
    written: exportKey(schedule.export),
    version: focus?.version ?? '1.4',
    granularity: focus?.granularity ?? 'day',
    every: cadence.every,
    ...(cadence.every === 'week' && { weekday: cadence.on }),
    ...(cadence.every === 'month' && { monthDay: String(cadence.on) }),
    hour,
    keep: String(keep),
    enabled,
  }
}

/** What is sent, or what stands in its way. */
export function draftOf(form: ScheduleForm): ExportScheduleDraft | Refusal {
  const name = form.name.trim()
  if (name === '') return { field: 'name', words: 'A schedule needs a name.' }
  const monthDay = readWhole(form.monthDay, 1, 28)
  if (everyOf(form) === 'month' && monthDay === null) {
    return { field: 'cadence', words: 'Write a day from 1 to 28: every month has those.' }
  }
  const keep = readWhole(form.keep, 1, KEEP_MAX)
  if (keep === null) {
    return { field: 'keep', words: `Write how many files to keep, from 1 to ${KEEP_MAX}.` }
  }
  return {
    name,
    export: exportOf(form),
    filters: scopeBody(form.filters),
    cadence: cadenceOf(form, monthDay ?? 1),
    hour: form.hour,
    tz: form.tz,
    keep,
    enabled: form.enabled,
  }
}

/** How often, which a report does not leave open. */
export function everyOf({ written, every }: ScheduleForm): Cadence['every'] {
  return written === 'report' ? 'month' : every
}

function cadenceOf(form: ScheduleForm, monthDay: number): Cadence {
  const every = everyOf(form)
  if (every === 'day') return { every }
  return every === 'week' ? { every, on: form.weekday } : { every, on: monthDay }
}

function exportOf({ written, version, granularity }: ScheduleForm): Export {
  switch (written) {
    case 'report':
      return { kind: 'report' }
    case 'focus csv':
      return { kind: 'focus', format: 'csv', version, granularity }
    case 'focus parquet':
      return { kind: 'focus', format: 'parquet', version, granularity }
    case 'events csv':
      return { kind: 'events', format: 'csv' }
    case 'events ndjson':
      return { kind: 'events', format: 'ndjson' }
    case 'events parquet':
      return { kind: 'events', format: 'parquet' }
  }
}
