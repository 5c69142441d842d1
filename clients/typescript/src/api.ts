import { ApiError } from './error.js'
import type { paths } from './schema.js'

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete'

/** The paths that know a method. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never
}[keyof paths]

type Operation<P extends keyof paths, M extends Method> = paths[P] extends Record<M, infer O>
  ? O
  : never

type Json<R> = R extends { content: { 'application/json': infer T } } ? T : undefined

type Ok<R> = R[keyof R & (200 | 201 | 204)]

/** What a call answers with when it works. */
export type Answer<P extends keyof paths, M extends Method> = Operation<P, M> extends {
  responses: infer R
}
  ? Json<Ok<R>>
  : never

/** What a call takes as its body. */
export type Body<P extends keyof paths, M extends Method> = Operation<P, M> extends {
  requestBody: { content: { 'application/json': infer T } }
}
  ? T
  : undefined

/** The parameters behind the `?` that the description names. */
export type Query<P extends keyof paths, M extends Method> = Operation<P, M> extends {
  parameters: { query?: infer Q }
}
  ? NonNullable<Q>
  : Record<never, never>

/** Further parameters: filters by any attribute, such as `tag.feature` or `model^`. */
export type Pairs = Iterable<readonly [string, string]>

type PathParams<P extends keyof paths, M extends Method> = Operation<P, M> extends {
  parameters: { path: infer T extends object }
}
  ? { path: T }
  : { path?: never }

type BodyParam<P extends keyof paths, M extends Method> = Body<P, M> extends undefined
  ? { body?: never }
  : { body: Body<P, M> }

/** What a call is told. */
export type Options<P extends keyof paths, M extends Method> = PathParams<P, M> &
  BodyParam<P, M> & {
    query?: Query<P, M>
    filters?: Pairs
    signal?: AbortSignal
  }

/** Nothing where a call can do without options. */
type Rest<O> = Record<never, never> extends O ? [options?: O] : [options: O]

/** What a call is told, whatever it is. */
export interface Told {
  path?: object
  query?: object
  filters?: Pairs
  /** A text is sent as it is; anything else is written as JSON. */
  body?: unknown
  signal?: AbortSignal
}

/** How calls are made. */
export interface Way {
  /** Where the server is; nothing for that of the page. */
  url?: string
  /** What goes with every call, asked for anew each time. */
  headers?: (method: string) => Record<string, string>
  /** How to fetch, where the usual way does not do. */
  fetch?: typeof fetch
}

/**
 * Calls of the API, with the types of its description: `api.get('/api/v1/budgets')`. What fails is
 * thrown as an `ApiError`.
 */
export class Api {
  readonly #way: Way

  constructor(way: Way = {}) {
    this.#way = way
  }

  get<P extends PathOf<'get'>>(
    path: P,
    ...[options]: Rest<Options<P, 'get'>>
  ): Promise<Answer<P, 'get'>> {
    return this.call('GET', path, options) as Promise<Answer<P, 'get'>>
  }

  post<P extends PathOf<'post'>>(
    path: P,
    ...[options]: Rest<Options<P, 'post'>>
  ): Promise<Answer<P, 'post'>> {
    return this.call('POST', path, options) as Promise<Answer<P, 'post'>>
  }

  put<P extends PathOf<'put'>>(
    path: P,
    ...[options]: Rest<Options<P, 'put'>>
  ): Promise<Answer<P, 'put'>> {
    return this.call('PUT', path, options) as Promise<Answer<P, 'put'>>
  }

  patch<P extends PathOf<'patch'>>(
    path: P,
    ...[options]: Rest<Options<P, 'patch'>>
  ): Promise<Answer<P, 'patch'>> {
    return this.call('PATCH', path, options) as Promise<Answer<P, 'patch'>>
  }

  delete<P extends PathOf<'delete'>>(
    path: P,
    ...[options]: Rest<Options<P, 'delete'>>
  ): Promise<Answer<P, 'delete'>> {
    return this.call('DELETE', path, options) as Promise<Answer<P, 'delete'>>
  }

  /** The address of a call, e.g. of an answer that is a file. */
  address(path: string, told: Pick<Told, 'path' | 'query' | 'filters'> = {}): string {
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(told.query ?? {})) {
      if (value !== undefined && value !== null) query.append(name, String(value))
    }
    for (const [name, value] of told.filters ?? []) query.append(name, value)
    const known = new Map<string, unknown>(Object.entries(told.path ?? {}))
    const filled = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(`${known.get(name)}`))
    const text = query.toString()
    return `${this.#way.url?.replace(/\/+$/, '') ?? ''}${filled}${text && `?${text}`}`
  }

  /** One call, without types. Throws an `ApiError`, or what the signal says where it was aborted. */
  async call(method: string, path: string, told: Told = {}): Promise<unknown> {
    const [response, text] = await this.ask(method, path, told)
    if (!response.ok) throw ApiError.of(response, text)
    return text ? parsed(response, text) : undefined
  }

  /** One request, and all of its answer, whatever that says. */
  protected async ask(
    method: string,
    path: string,
    told: Told = {},
  ): Promise<readonly [Response, string]> {
    const { body, signal } = told
    const headers: Record<string, string> = {
      accept: 'application/json',
      ...this.#way.headers?.(method),
    }
    if (body !== undefined) headers['content-type'] = 'application/json'
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const request = this.#way.fetch ?? fetch
    try {
      const address = this.address(path, told)
      const response = await request(address, { method, headers, body: text, signal })
      return [response, await response.text()]
    } catch (cause) {
      if (signal?.aborted) throw cause
      throw new ApiError(0, 'unreachable', 'The server cannot be reached.')
    }
  }
}

/** What the text of an answer says. */
export function parsed(response: Response, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new ApiError(response.status, 'unexpected', 'The answer is no JSON.')
  }
}
