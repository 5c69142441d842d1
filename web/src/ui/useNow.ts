import { useSyncExternalStore } from 'react'
import { MINUTE_MS } from '@/lib/time'

let now = new Date(Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS)
const listeners = new Set<() => void>()
let timer: ReturnType<typeof setTimeout> | undefined

function tick() {
  now = new Date(Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS)
  for (const listener of listeners) listener()
  timer = setTimeout(tick, MINUTE_MS - (Date.now() % MINUTE_MS))
}

function subscribe(listener: () => void) {
  if (listeners.size === 0) tick()
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) clearTimeout(timer)
  }
}

/** The present minute. Everything on a page shares it, so that its figures are of one moment. */
export function useNow(): Date {
  return useSyncExternalStore(subscribe, () => now)
}
