import { useQuery } from '@tanstack/react-query'
import { api } from './client'
import { keys } from './keys'

export type { ImportedSource } from '@/wire'

/** An import that runs writes down how far it is, every so many rows. */
const LOOK_EVERY_MS = 5_000

/** The sources that were imported, and how far each was read. */
export function useImports() {
  return useQuery({
    queryKey: keys.imports(),
    queryFn: async ({ signal }) => (await api.get('/api/v1/imports', { signal })).items,
    refetchInterval: LOOK_EVERY_MS,
  })
}
