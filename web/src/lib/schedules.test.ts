import { describe, expect, it } from 'vitest'
import type { ExportSchedule } from '@/wire'
import {
  cadenceWords,
  draftOf,
  emptyForm,
  exportWords,
  formOf,
  ordinal,
  periodWords,
  stateWords,
} from './schedules'
import type { Day } from './time'

const SCHEDULE: ExportSchedule = {
  id: '00000000-0000-7000-8000-000000000001',
  created_by: 'ada',
  created_at: '2026-11-20T10:00:00Z',
  changed_at: '2026-11-20T10:00:00Z',
  name: 'Charges for finance',
  export: { kind: 'focus', format: 'parquet', version: '1.2', granularity: 'hour' },
  filters: { provider: ['openai'] },
  cadence: { every: 'week', on: 'thursday' },
  hour: 6,
  tz: 'Europe/Berlin',
  keep: 12,
  enabled: true,
  next: null,
  last: null,
  files: 0,
  size_bytes: 0,
}

describe('a schedule in words', () => {
  it('says what is written and when', () => {
    expect(exportWords(SCHEDULE.export)).toBe('Charges as FOCUS 1.2 by the hour, as Parquet')
    expect(exportWords({ kind: 'report' })).toBe('The report of the month')
    expect(cadenceWords(SCHEDULE)).toBe('Thursdays at 06:00, Europe/Berlin')
    expect(cadenceWords({ cadence: { every: 'month', on: 2 }, hour: 0, tz: 'UTC' })).toBe(
      'The 2nd of every month at 00:00, UTC',
    )
    expect([1, 3, 11, 12, 13, 21, 22, 28].map(ordinal).join(' ')).toBe(
      '1st 3rd 11th 12th 13th 21st 22nd 28th',
    )
  })

  it('says of which days a file is, and how far it is', () => {
    const now = new Date('2026-11-22T10:00:00Z')
    const days = (first_day: Day, last_day: Day) =>
      periodWords({ first_day, last_day }, 'Europe/Berlin', now)
    expect(days('2026-11-21', '2026-11-21')).toBe('21 Nov')
    expect(days('2025-12-29', '2026-01-04')).toBe('29 Dec 2025 to 4 Jan')
    expect(stateWords({ state: 'waiting', running: true })).toBe('Being made')
    expect(stateWords({ state: 'waiting', running: false })).toBe('About to be made')
  })
})

describe('the form of a schedule', () => {
  it('sends what it was filled with', () => {
    const { name, cadence, hour, tz, keep, enabled, filters } = SCHEDULE
    expect(draftOf(formOf(SCHEDULE))).toEqual({
      name,
      export: SCHEDULE.export,
      filters,
      cadence,
      hour,
      tz,
      keep,
      enabled,
    })
  })

  it('lets a report be of a month, whatever was chosen before', () => {
    const form = { ...emptyForm('UTC', []), name: 'Report', written: 'report' as const }
    expect(draftOf(form)).toMatchObject({
      export: { kind: 'report' },
      cadence: { every: 'month', on: 1 },
    })
  })

  it('says what is missing at its field', () => {
    const form = { ...emptyForm('UTC', []), name: 'Nightly' }
    const field = (changed: Partial<typeof form>) => {
      const draft = draftOf({ ...form, ...changed })
      return 'field' in draft ? draft.field : null
    }
    expect(field({})).toBeNull()
    expect(field({ name: ' ' })).toBe('name')
    expect(field({ every: 'month', monthDay: '31' })).toBe('cadence')
    expect(field({ every: 'day', monthDay: '31' })).toBeNull()
    expect(field({ keep: '0' })).toBe('keep')
  })
})
