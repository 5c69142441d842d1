import { useQuery } from '@tanstack/react-query'
import { api, type Shape } from './client'

export type CheckStatus = Shape<'CheckStatus'>

/** Something that was looked at, with its figures in a line. */
export type Check = Shape<'SystemCheckBody'>

/** Something that goes on in the background, and is started again when it ends in a panic. */
export type Task = Shape<'TaskBody'>

/** How the server does: what must work, and what it takes. */
export type System = Shape<'SystemBody'>

/** How often it is looked at. */
export const LOOK_EVERY_SECONDS = 5

export function useSystem({ enabled = true } = {}) {
  return useQuery({
    queryKey: ['system'],
    queryFn: ({ signal }) => api.get('/api/v1/system', { signal }),
    refetchInterval: LOOK_EVERY_SECONDS * 1_000,
    enabled,
  })
}
