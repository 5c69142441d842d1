import { expect, test } from 'vitest'
import {
  checkName,
  filled,
  remedyPath,
  taskName,
  taskStatus,
  uptimeWords,
  worstFirst,
} from './system'

test('the worst check stands first, and equals keep their order', () => {
  const names = worstFirst([
    { name: 'writes', status: 'ok', text: '' },
    { name: 'disk', status: 'warning', text: '' },
    { name: 'queue', status: 'ok', text: '' },
    { name: 'commits', status: 'failing', text: '' },
  ]).map(({ name }) => name)

  expect(names).toEqual(['commits', 'disk', 'writes', 'queue'])
})

test('a check that only a newer server has is named by itself', () => {
  expect(checkName('writes')).toBe('Data folder')
  expect(checkName('clock_drift')).toBe('Clock drift')
})

test('missing prices lead to the list of what has none', () => {
  expect(remedyPath({ name: 'prices', status: 'warning', text: '' })).toBe('/prices?view=unpriced')
  expect(remedyPath({ name: 'prices', status: 'ok', text: '' })).toBeNull()
  expect(remedyPath({ name: 'disk', status: 'failing', text: '' })).toBeNull()
})

test('the time since the start has two units at most', () => {
  expect(uptimeWords(12)).toBe('under a minute')
  expect(uptimeWords(42 * 60)).toBe('42 min')
  expect(uptimeWords(3 * 3_600 + 5 * 60)).toBe('3 h 5 min')
  expect(uptimeWords(12 * 86_400 + 4 * 3_600)).toBe('12 d 4 h')
})

test('a bar is never longer than its track', () => {
  expect(filled(50, 200)).toBe(25)
  expect(filled(300, 200)).toBe(100)
  expect(filled(1, 0)).toBe(0)
})

test('a task that crashed says so until it works again, and that it did', () => {
  const task = { name: 'flush', last_error: null, beat_at: '2026-11-21T12:00:00Z' }
  const words = (state: 'ok' | 'failing' | 'down' | 'ended', panics_total: number) => {
    const { status, words } = taskStatus({ ...task, state, panics_total })
    return [status, words]
  }
  expect(words('ok', 0)).toEqual(['ok', 'Works'])
  expect(words('down', 1)).toEqual(['failing', 'Crashed, is started again'])
  expect(words('failing', 0)).toEqual(['failing', 'Failed, is tried again'])
  expect(words('ok', 2)).toEqual(['warning', 'Works again, crashed 2 times'])
  expect(taskName('flush')).toBe('Writing the history')
  expect(taskName('of a newer server')).toBe('of a newer server')
})
