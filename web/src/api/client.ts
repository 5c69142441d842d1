import { Api } from '@outlay/client'
import type { Range } from '@/lib/time'

export { ApiError } from '@outlay/client'

export type { Shape } from '@/wire'

let csrfToken = ''

/** Remembers the token that proves to the server that this page, and no other, is writing. */
export function rememberCsrfToken(token: string) {
  csrfToken = token
}

/** The calls of the API, by its description. */
export const api = new Api({
  headers: (method): Record<string, string> =>
    method === 'GET' ? {} : { 'x-csrf-token': csrfToken },
})

/** A span of time, as questions name it. */
export function rangeQuery({ from, to }: Range): { from: string; to: string } {
  return { from: from.toISOString(), to: to.toISOString() }
}
