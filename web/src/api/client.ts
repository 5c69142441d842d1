/** Why a call failed, in the server's words or ours. */
export class ApiError extends Error {
  override readonly name = 'ApiError'

  constructor(
    /** The HTTP status, or 0 where no answer came. */
    readonly status: number,
    readonly code: string,
    message: string,
    /** The field at fault. */
    readonly field?: string,
    /** What would mend it, often a command. */
    readonly remedy?: string,
  ) {
    super(message)
  }

  /** Whether no answer came, or none from the server itself: it is down, or starts. */
  get isAway(): boolean {
    return this.status === 0 || (this.status >= 502 && this.status <= 504)
  }

  /** Whether asking again may help. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500
  }
}

export type Query = Iterable<readonly [string, string]>

let csrfToken = ''

/** Remembers the token that proves to the server that this page, and no other, is writing. */
export function rememberCsrfToken(token: string) {
  csrfToken = token
}

export function get<T>(path: string, query: Query = [], signal?: AbortSignal): Promise<T> {
  return call<T>('GET', path + queryText(query), undefined, signal)
}

export function send<T>(
  method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<T> {
  return call<T>(method, path, body, signal)
}

function queryText(query: Query): string {
  const params = new URLSearchParams()
  for (const [key, value] of query) params.append(key, value)
  const text = params.toString()
  return text && `?${text}`
}

async function call<T>(
  method: string,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' }
  if (method !== 'GET') headers['x-csrf-token'] = csrfToken
  if (body !== undefined) headers['content-type'] = 'application/json'
  let response: Response
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      headers,
      body: JSON.stringify(body),
      signal,
    })
  } catch (cause) {
    if (signal?.aborted) throw cause
    throw new ApiError(0, 'unreachable', 'The server cannot be reached.')
  }
  if (!response.ok) throw await readError(response)
  const text = await response.text()
  return (text ? JSON.parse(text) : undefined) as T
}

async function readError(response: Response): Promise<ApiError> {
  try {
    const { code, detail, field, remedy } = await response.json()
    if (typeof detail === 'string')
      return new ApiError(response.status, code, detail, field, remedy)
  } catch {
    // A proxy in between may answer with a page of its own.
  }
  return new ApiError(response.status, 'unexpected', `The server answered ${response.status}.`)
}
