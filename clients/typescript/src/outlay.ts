import { type Answer, Api, type Options, parsed, type PathOf, type Told } from './api.js'
import { ApiError } from './error.js'
import type { components, paths } from './schema.js'

/** A shape of the API's description, by its name. */
export type Shape<N extends keyof components['schemas']> = components['schemas'][N]

/** A usage event as it is sent; without an id it gets one. */
export type UsageEvent = Omit<Shape<'UsageEvent'>, 'id'> & { id?: string }

/** What became of an event that was sent. */
export type EventOutcome = Shape<'EventOutcome'>

export interface OutlayOptions {
  /** Where the server is, e.g. `https://outlay.example.com`. */
  url: string
  /** An API key or a token. */
  token?: string
  /** Events in a request, at most; the server takes up to 10,000. */
  batchEvents?: number
  /** How often the same is sent, at most, while the server is busy or away. */
  tries?: number
  /** How to fetch, where the usual way does not do. */
  fetch?: typeof fetch
}

/** The paths that answer with pages of a list. */
export type ListPath = {
  [P in PathOf<'get'>]: Answer<P, 'get'> extends { items: unknown[]; next_cursor: string | null }
    ? P
    : never
}[PathOf<'get'>]

type ItemOf<P extends keyof paths> = Answer<P, 'get'> extends { items: (infer T)[] } ? T : never

/** Milliseconds between two tries. */
const PAUSE_MIN = 200
const PAUSE_MAX = 30_000

/**
 * Asks a server, and sends usage to it.
 *
 * Questions are asked again while the server is busy or away. Events are sent again with the same
 * ids until it says what became of each, so that they are counted once, whatever fails in between.
 */
export class Outlay extends Api {
  readonly #batchEvents: number
  readonly #tries: number

  constructor({ url, token, batchEvents = 1_000, tries = 8, fetch }: OutlayOptions) {
    super({
      url,
      fetch,
      headers: (): Record<string, string> => (token ? { authorization: `Bearer ${token}` } : {}),
    })
    if (!(batchEvents >= 1 && batchEvents <= 10_000)) {
      throw new RangeError('batchEvents is 1 to 10,000: the server takes no more at once')
    }
    this.#batchEvents = batchEvents
    this.#tries = Math.max(1, tries)
  }

  /**
   * Sends events, and says what became of each, in their order. A refused event harms no other:
   * look for the outcome `refused`, with the field at fault.
   *
   * Throws an `ApiError` where the server stayed away or takes no events from this caller. Then send
   * the same events again, with the ids that they got: what was kept is not counted twice.
   */
  async send(events: UsageEvent[], signal?: AbortSignal): Promise<EventOutcome[]> {
    for (const event of events) event.id ??= crypto.randomUUID()
    const outcomes: EventOutcome[] = []
    for (let at = 0; at < events.length; at += this.#batchEvents) {
      outcomes.push(...(await this.#sendBatch(events.slice(at, at + this.#batchEvents), signal)))
    }
    return outcomes.map((outcome, index) => ({ ...outcome, index }))
  }

  async #sendBatch(events: UsageEvent[], signal?: AbortSignal): Promise<EventOutcome[]> {
    const body = JSON.stringify(events)
    try {
      return await this.#patiently(signal, async () => {
        const [response, text] = await this.ask('POST', '/api/v1/events', { body, signal })
        const isJudged = response.ok || response.status === 409 || response.status === 422
        const judged = isJudged ? (parsed(response, text) as Partial<Shape<'EventsAnswer'>>) : {}
        if (judged.items?.length === events.length) return judged.items
        throw ApiError.of(response, text)
      })
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 413)) throw error
      const [only] = events
      if (events.length === 1 && only) return [tooLarge(only, error)]
      const middle = events.length >> 1
      const first = await this.#sendBatch(events.slice(0, middle), signal)
      return [...first, ...(await this.#sendBatch(events.slice(middle), signal))]
    }
  }

  /** Every item of a list, page by page: `for await (const price of outlay.list('/api/v1/prices'))`. */
  async *list<P extends ListPath>(path: P, options?: Options<P, 'get'>): AsyncGenerator<ItemOf<P>> {
    let cursor: string | null | undefined
    do {
      const query = { ...options?.query, ...(cursor ? { cursor } : {}) }
      const page = (await this.call('GET', path, { ...options, query })) as {
        items: ItemOf<P>[]
        next_cursor?: string | null
      }
      yield* page.items
      cursor = page.next_cursor
    } while (cursor)
  }

  /** Questions are asked again; what changes something is not, unless it names its ids. */
  override call(method: string, path: string, told: Told = {}): Promise<unknown> {
    const once = () => super.call(method, path, told)
    return method === 'GET' ? this.#patiently(told.signal, once) : once()
  }

  async #patiently<T>(signal: AbortSignal | undefined, attempt: () => Promise<T>): Promise<T> {
    for (let left = this.#tries - 1, most = PAUSE_MIN; ; left--, most *= 2) {
      try {
        return await attempt()
      } catch (error) {
        const isPassing = error instanceof ApiError && error.isPassing && error.status !== 500
        if (!isPassing || left <= 0) throw error
        // Not all clients at once, when a server comes back.
        const own = Math.min(most, PAUSE_MAX) * (0.5 + Math.random() / 2)
        await pause(Math.min(Math.max(own, (error.retryAfter ?? 0) * 1_000), PAUSE_MAX), signal)
      }
    }
  }
}

function tooLarge(event: UsageEvent, error: ApiError): EventOutcome {
  const { message: detail, field } = error
  return { index: 0, id: event.id ?? '', outcome: 'refused', code: 'too_large', detail, field }
}

function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, milliseconds)
    if (signal?.aborted) stop()
    else signal?.addEventListener('abort', stop, { once: true })
  })
}
