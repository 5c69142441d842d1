/** How long an answer that was asked for early may wait to be used. */
const FRESH_MS = 20_000

interface Early {
  askedAt: number
  answer: Promise<Response>
}

/** What was asked before the page was there, by its address. Each answer is used once. */
const early = new Map<string, Early>()

/** Asks for something that will be asked for soon, with what is said of it in the same words. */
export function askEarly(address: string): Promise<Response> {
  const known = early.get(address)
  if (known) return known.answer.then((response) => response.clone())
  const answer = fetch(address, { headers: { accept: 'application/json' } })
  early.set(address, { askedAt: performance.now(), answer })
  // Whoever uses it hears of a failure; nobody else has to.
  answer.catch(() => undefined)
  return answer.then((response) => response.clone())
}

/** Fetches, or takes what was asked for early where that is the same and not old. */
export const earlyFetch: typeof fetch = (address, init) => {
  // What is written, by whoever signs in among others, may change what was answered before it.
  if (init?.method !== 'GET') early.clear()
  const known = early.get(String(address))
  if (!known) return fetch(address, init)
  early.delete(String(address))
  const isFresh = performance.now() - known.askedAt < FRESH_MS
  // What fails on the way early, when nobody saw it, is asked again before somebody hears of it.
  return isFresh ? known.answer.catch(() => fetch(address, init)) : fetch(address, init)
}
