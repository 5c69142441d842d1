import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { Pin, SavedView, SavedViewDraft } from '@/wire'
import { api } from './client'
import { keys } from './keys'

export type { Pin, SavedView, SavedViewDraft } from '@/wire'

/** The views that whoever looks may see: their own, and those for all. */
export const savedViewsQuery = queryOptions({
  queryKey: keys.views(),
  queryFn: async ({ signal }) => (await api.get('/api/v1/views', { signal })).items,
  staleTime: 30_000,
})

export function useSavedViews({ enabled = true } = {}) {
  return useQuery({ ...savedViewsQuery, enabled })
}

/** Keeps a view, or changes the one with the id. */
export function useSaveView() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ id, draft }: { id: string | null; draft: SavedViewDraft }) =>
      id === null
        ? api.post('/api/v1/views', { body: draft })
        : api.put('/api/v1/views/{id}', { path: { id }, body: draft }),
    onSuccess: (saved) => {
      client.setQueryData<SavedView[]>(keys.views(), (known) => {
        if (!known) return known
        const others = known.filter(({ id }) => id !== saved.id)
        return [...others, saved].sort((a, b) => a.name.localeCompare(b.name, 'en'))
      })
      return client.invalidateQueries({ queryKey: keys.views() })
    },
  })
}

/**
 * Removes a view. `done` is called by the mutation and not for whoever asked for it: other pages hear of
 * the removal too, and what showed the view may be gone before the answer comes.
 */
export function useRemoveView(done: (id: string) => void) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (id: string) => api.delete('/api/v1/views/{id}', { path: { id } }),
    onSuccess: (_, id) => {
      done(id)
      return Promise.all([
        client.invalidateQueries({ queryKey: keys.views() }),
        client.invalidateQueries({ queryKey: keys.pins() }),
      ])
    },
  })
}

/** What stands on one's own overview, in order. */
export function usePins() {
  return useQuery({
    queryKey: keys.pins(),
    queryFn: async ({ signal }) => (await api.get('/api/v1/pins', { signal })).items,
    staleTime: 30_000,
  })
}

/** Lays out one's own overview. The page follows at once, and goes back where that is refused. */
export function useLayOut() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: async (items: Pin[]) => (await api.put('/api/v1/pins', { body: { items } })).items,
    scope: { id: 'pins' },
    onMutate: async (items) => {
      await client.cancelQueries({ queryKey: keys.pins() })
      client.setQueryData(keys.pins(), items)
    },
    onSettled: () => client.invalidateQueries({ queryKey: keys.pins() }),
  })
}
