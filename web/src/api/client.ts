import { Api, type components } from '@outlay/client'
import type { Range } from '@/lib/time'

export { ApiError } from '@outlay/client'

/** A shape of the API, by its name in the description. */
export type Shape<Name extends keyof components['schemas']> = components['schemas'][Name]

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
