import { useQuery } from '@tanstack/react-query'
import { api } from './client'
import { keys } from './keys'

export type { Check, CheckStatus, System, Task } from '@/wire'

/** How often it is looked at. */
export const LOOK_EVERY_SECONDS = 5

export function useSystem({ enabled = true } = {}) {
  return useQuery({
    queryKey: keys.system(),
    queryFn: ({ signal }) => api.get('/api/v1/system', { signal }),
    refetchInterval: LOOK_EVERY_SECONDS * 1_000,
    enabled,
  })
}
