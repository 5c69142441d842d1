import type { InfiniteData, QueryClient, QueryKey } from '@tanstack/react-query'
import { useSyncExternalStore } from 'react'
import type { io as Dial } from 'socket.io-client'
import { keys } from '@/api/keys'
import { type EventPage, eventAttribute, eventKey, type UsageEvent } from '@/api/usage'
import { type Filter, passes } from '@/lib/filters'
import { isRunning } from '@/lib/period'
import type { Range } from '@/lib/time'
import { serverMayBeBack, whenServerIsBack } from './recovery'

/** How the page hears of what comes in. */
export type LiveState = 'connecting' | 'live' | 'reconnecting'

/** What the server says when usage was committed. */
interface UsageMessage {
  version: number
  /** How many events were accepted; `events` holds the newest of them only. */
  accepted: number
  events: UsageEvent[]
}

/** Asking again for every event would load the server for nothing: eyes see one change a second. */
const REFETCH_EVERY_MS = 1_000
/** What is weighed against forecasts takes the server longer, and moves slowly. */
const JUDGE_EVERY_MS = 10_000
/** Events kept on the first page of a list that fills live. */
const LIVE_EVENTS_MAX = 200

let state: LiveState = 'connecting'
const listeners = new Set<() => void>()

function changeState(next: LiveState) {
  state = next
  for (const listener of listeners) listener()
}

export function useLiveState(): LiveState {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => state,
  )
}

/** What is asked again when somebody, perhaps on another page, changed something of a kind. */
const CHANGES: Record<string, () => QueryKey[]> = {
  alerts: () => [keys.alerts(), keys.alertRules()],
  watched: () => [keys.budgets(), keys.alertRules()],
  views: () => [keys.views(), keys.pins()],
  annotations: () => [keys.annotations()],
  exports: () => [keys.scheduleList()],
}

function askAgain(client: QueryClient, queries: QueryKey[]) {
  for (const queryKey of queries) client.invalidateQueries({ queryKey })
}

/**
 * Follows the server's socket until the returned function is called. What speaks to it is a script of
 * its own, which nobody waits for: figures are seen before they are live.
 */
export function followLive(client: QueryClient): () => void {
  let stop = () => {}
  let isOver = false
  const begin = () =>
    import('socket.io-client').then(
      ({ io }) => {
        if (!isOver) stop = follow(client, io)
      },
      () => {
        if (isOver) return
        changeState('reconnecting')
        stop = whenServerIsBack(begin)
      },
    )
  begin()
  return () => {
    isOver = true
    stop()
    changeState('connecting')
  }
}

function follow(client: QueryClient, io: typeof Dial): () => void {
  const refetch = throttle(() => refetchRunning(client), REFETCH_EVERY_MS)
  const judge = throttle(() => refetchJudged(client), JUDGE_EVERY_MS)
  const heard = () => {
    refetch.soon()
    judge.soon()
  }
  const socket = io({ path: '/socket.io/', transports: ['websocket', 'polling'] })
  let wasConnected = false
  socket.on('connect', () => {
    changeState('live')
    serverMayBeBack()
    // What came in and what was changed while nobody listened is asked for once.
    if (wasConnected) {
      heard()
      for (const changed of Object.values(CHANGES)) askAgain(client, changed())
    }
    wasConnected = true
  })
  socket.on('disconnect', () => changeState('reconnecting'))
  socket.on('connect_error', () => changeState('reconnecting'))
  // A server that ends the socket on purpose, at its restart, is not dialled again by itself.
  socket.on('disconnect', (reason) => {
    if (reason === 'io server disconnect') setTimeout(() => socket.connect(), REFETCH_EVERY_MS)
  })
  for (const [topic, changed] of Object.entries(CHANGES)) {
    socket.on(topic, () => askAgain(client, changed()))
  }
  socket.on('usage', (message: UsageMessage) => {
    prependEvents(client, message.events)
    heard()
  })
  const onVisible = () => {
    if (!document.hidden) heard()
  }
  document.addEventListener('visibilitychange', onVisible)
  return () => {
    document.removeEventListener('visibilitychange', onVisible)
    refetch.stop()
    judge.stop()
    socket.removeAllListeners()
    socket.disconnect()
  }
}

function refetchRunning(client: QueryClient): Promise<unknown> {
  return Promise.all([
    client.invalidateQueries({ queryKey: keys.runningUsage() }),
    client.invalidateQueries({ queryKey: keys.unpriced() }),
    // Once there are events there will always be some.
    client.invalidateQueries({
      queryKey: keys.anyEvent(),
      predicate: ({ state }) => state.data !== true,
    }),
  ])
}

function refetchJudged(client: QueryClient): Promise<unknown> {
  return Promise.all([
    client.invalidateQueries({ queryKey: keys.budgets() }),
    client.invalidateQueries({ queryKey: keys.credit() }),
    client.invalidateQueries({ queryKey: keys.spendInsights() }),
    client.invalidateQueries({ queryKey: keys.briefs() }),
  ])
}

/** Puts new events on top of the lists that show their time and pass them through. */
function prependEvents(client: QueryClient, events: UsageEvent[]) {
  const cache = client.getQueryCache().findAll({ queryKey: keys.runningEvents() })
  for (const query of cache) {
    const { range, filters } = (query.meta ?? {}) as { range?: Range; filters?: Filter[] }
    if (!range || !isRunning(range, new Date())) continue
    const fitting = events.filter(
      (event) =>
        new Date(event.occurred_at) >= range.from &&
        new Date(event.occurred_at) < range.to &&
        passes(filters ?? [], (attribute) => eventAttribute(event, attribute)),
    )
    if (fitting.length === 0) continue
    client.setQueryData<InfiniteData<EventPage>>(
      query.queryKey,
      (data) => data && withEvents(data, fitting),
    )
  }
}

/** The pages with the events added where they belong in time, each once. */
export function withEvents(
  data: InfiniteData<EventPage>,
  events: UsageEvent[],
): InfiniteData<EventPage> {
  const [first, ...rest] = data.pages
  if (!first) return data
  const known = new Set(data.pages.flatMap((page) => page.items.map(eventKey)))
  const fresh = events.filter((event) => !known.has(eventKey(event)))
  const items = [...fresh, ...first.items]
    .sort((a, b) => Date.parse(b.occurred_at) - Date.parse(a.occurred_at))
    .slice(0, Math.max(LIVE_EVENTS_MAX, first.items.length))
  return { ...data, pages: [{ ...first, items }, ...rest] }
}

/**
 * Runs `act` at once, then at most once in `every` milliseconds; never while nobody looks, and
 * never before the last run is done: a slow server would otherwise only hear cancelled questions.
 */
export function throttle(
  act: () => Promise<unknown>,
  every: number,
  isHidden = () => document.hidden,
) {
  let timer: ReturnType<typeof setTimeout> | undefined
  let last = Number.NEGATIVE_INFINITY
  let isRunning = false
  let isDue = false

  const run = async () => {
    timer = undefined
    if (isHidden()) return
    isDue = false
    isRunning = true
    last = Date.now()
    await act().catch(() => undefined)
    isRunning = false
    if (isDue) soon()
  }
  const soon = () => {
    isDue = true
    if (isRunning || timer !== undefined) return
    const wait = last + every - Date.now()
    if (wait <= 0) run()
    else timer = setTimeout(run, wait)
  }
  return { soon, stop: () => clearTimeout(timer) }
}
