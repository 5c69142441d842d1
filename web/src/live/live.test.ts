import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { EventPage, UsageEvent } from '@/api/usage'
import { throttle, withEvents } from './live'

describe('asking again', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('is done at once, then once a second however much comes in', async () => {
    const act = vi.fn(async () => undefined)
    const refetch = throttle(act, 1_000, () => false)

    refetch.soon()
    expect(act).toHaveBeenCalledTimes(1)
    for (let at = 0; at < 30; at++) {
      refetch.soon()
      await vi.advanceTimersByTimeAsync(100)
    }

    expect(act).toHaveBeenCalledTimes(4)
  })

  test('waits for the answer of a slow server, then asks once more', async () => {
    const act = vi.fn(() => new Promise((done) => setTimeout(done, 5_000)))
    const refetch = throttle(act, 1_000, () => false)

    refetch.soon()
    await vi.advanceTimersByTimeAsync(500)
    refetch.soon()
    await vi.advanceTimersByTimeAsync(4_000)
    expect(act).toHaveBeenCalledTimes(1)

    await vi.advanceTimersByTimeAsync(1_000)
    expect(act).toHaveBeenCalledTimes(2)
    await vi.advanceTimersByTimeAsync(20_000)
    expect(act).toHaveBeenCalledTimes(2)
  })

  test('waits while nobody looks', () => {
    const act = vi.fn(async () => undefined)
    let hidden = true
    const refetch = throttle(act, 1_000, () => hidden)

    refetch.soon()
    expect(act).not.toHaveBeenCalled()

    hidden = false
    refetch.soon()
    expect(act).toHaveBeenCalledTimes(1)
  })
})

const event = (id: string, occurred_at: string) =>
  ({ id, source: 's', kind: 'usage', occurred_at, received_at: occurred_at }) as UsageEvent

test('a live event is shown once, where it belongs in time', () => {
  const page = (items: UsageEvent[]): EventPage => ({ items, next_cursor: null })
  const data = { pages: [page([event('b', '2025-09-01T02:00:00Z')])], pageParams: [''] }

  const once = withEvents(data, [
    event('c', '2025-09-01T03:00:00Z'),
    event('a', '2025-09-01T01:00:00Z'),
  ])
  const twice = withEvents(once, [event('c', '2025-09-01T03:00:00Z')])

  expect(twice.pages[0]?.items.map(({ id }) => id)).toEqual(['c', 'b', 'a'])
})
