import { Api } from '@outlay/client'
import { earlyFetch } from './early'

export { ApiError } from '@outlay/client'
export { rangeQuery } from '@/lib/time'

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
  fetch: earlyFetch,
})
