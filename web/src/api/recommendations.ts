import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type Filter, filterParams } from '@/lib/filters'
import { hoursFromNow } from '@/lib/time'
import type { RecommendationState } from '@/wire'
import { api } from './client'
import { keys } from './keys'

export type {
  Measured,
  Recommendation,
  RecommendationKind,
  RecommendationState,
  Recommendations,
  Saving,
} from '@/wire'

interface Asked {
  days: number
  tz: string
  filters: Filter[]
  state: RecommendationState
}

export function useRecommendations({ days, tz, filters, state }: Asked) {
  const asked = { query: { days, tz, state }, filters: filterParams(filters) }
  return useQuery({
    queryKey: keys.recommendationList(asked),
    queryFn: ({ signal }) => api.get('/api/v1/insights/recommendations', { ...asked, signal }),
    staleTime: 300_000,
  })
}

/** What somebody decides about a recommendation; `snooze` is for so many hours. */
export type Decision = 'open' | 'done' | 'dismissed' | { snooze: number }

interface Decided {
  id: string
  decision: Decision
  /** Why. */
  note?: string
}

export function useDecide() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ id, decision, note }: Decided) =>
      api.put('/api/v1/insights/recommendations/{id}', {
        path: { id },
        body: {
          ...(typeof decision === 'string'
            ? { state: decision }
            : { state: 'snoozed', until: hoursFromNow(decision.snooze) }),
          note: note || undefined,
        },
      }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.recommendations() }),
  })
}
