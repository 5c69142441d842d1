import type { QueryClient } from '@tanstack/react-query'
import { ApiError } from '@/api/client'

// Finds out by itself when a server that was away is back, so that nobody has to press a button.

/** How long after a failure the server is asked, and how long at most between two asks. */
const FIRST_ASK_MS = 2_000
const ASK_EVERY_MAX_MS = 30_000

const listeners = new Set<() => void>()
let timer: ReturnType<typeof setTimeout> | undefined
let wait = FIRST_ASK_MS
let askedAt = 0

/** Whether the server answers at all, and not only something before it. */
export async function serverAnswers(): Promise<boolean> {
  try {
    const { status } = await fetch('/api/v1/session', { cache: 'no-store' })
    return status < 500
  } catch {
    return false
  }
}

/** Calls `back` once the server answers, until the returned function is called. */
export function whenServerIsBack(back: () => void): () => void {
  listeners.add(back)
  schedule()
  return () => {
    listeners.delete(back)
    if (listeners.size === 0) stop()
  }
}

function schedule() {
  // A failure long after the last one is another.
  if (Date.now() - askedAt > 2 * ASK_EVERY_MAX_MS) wait = FIRST_ASK_MS
  timer ??= setTimeout(ask, wait)
}

function stop() {
  clearTimeout(timer)
  timer = undefined
}

async function ask() {
  // Nobody looks, so nobody waits; the browser says when somebody does again.
  const isBack = !document.hidden && (await serverAnswers())
  timer = undefined
  askedAt = Date.now()
  wait = Math.min(2 * wait, ASK_EVERY_MAX_MS)
  if (isBack) tellAll()
  else if (listeners.size > 0) schedule()
}

function tellAll() {
  const waiting = [...listeners]
  listeners.clear()
  for (const back of waiting) back()
}

/** What there is to know sooner than the next ask: the network or the live connection is back. */
export function serverMayBeBack() {
  if (listeners.size === 0) return
  clearTimeout(timer)
  timer = undefined
  ask()
}

/** Asks again for what failed, as soon as the server answers. */
export function healQueries(client: QueryClient) {
  let isWaiting = false
  const failed = () =>
    client
      .getQueryCache()
      .findAll({ type: 'active' })
      .filter(({ state: { error } }) => error instanceof ApiError && error.isAway)
  const heal = () => {
    isWaiting = false
    for (const query of failed()) client.refetchQueries({ queryKey: query.queryKey, exact: true })
  }
  client.getQueryCache().subscribe(() => {
    if (isWaiting || failed().length === 0) return
    isWaiting = true
    whenServerIsBack(heal)
  })
  window.addEventListener('online', serverMayBeBack)
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) serverMayBeBack()
  })
}
