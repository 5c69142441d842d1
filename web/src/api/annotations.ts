import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type Filter, filterParams } from '@/lib/filters'
import type { Range } from '@/lib/time'
import type { AnnotationDraft } from '@/wire'
import { api, rangeQuery } from './client'
import { keys } from './keys'

export type { Annotation, AnnotationDraft } from '@/wire'

interface AnnotationsAsked {
  range: Range
  filters: Filter[]
}

/** What happened in a time, of what can concern the usage that passes the filters. */
export function useAnnotations({ range, filters }: AnnotationsAsked, { enabled = true } = {}) {
  const asked = { query: rangeQuery(range), filters: filterParams(filters) }
  return useQuery({
    queryKey: keys.annotationList(asked),
    queryFn: async ({ signal }) =>
      (await api.get('/api/v1/annotations', { ...asked, signal })).items,
    staleTime: 60_000,
    enabled,
  })
}

export function useWriteAnnotation() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (draft: AnnotationDraft) => api.post('/api/v1/annotations', { body: draft }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.annotations() }),
  })
}

export function useRemoveAnnotation() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (id: string) => api.delete('/api/v1/annotations/{id}', { path: { id } }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.annotations() }),
  })
}
