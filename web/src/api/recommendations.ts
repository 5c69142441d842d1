import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type Filter, filterParams } from '@/lib/filters'
import { hoursFromNow } from '@/lib/time'
import { api, type Shape } from './client'
import { INSIGHTS_KEY } from './insights'

export type RecommendationKind = Shape<'RecommendationKind'>

export type RecommendationState = Shape<'RecommendationState'>

/** What a month would cost less, and between what. */
export type Saving = Shape<'SavingBody'>

/** What was saved since somebody did it. */
export type Measured = Shape<'MeasuredBody'>

/** Something to do, what it saves, and what proves it. */
export type Recommendation = Shape<'RecommendationBody'>

export type Recommendations = Shape<'RecommendationList'>

const KEY = [INSIGHTS_KEY, 'recommendations']

interface Asked {
  days: number
  tz: string
  filters: Filter[]
  state: RecommendationState
}

export function useRecommendations({ days, tz, filters, state }: Asked) {
  const asked = { query: { days, tz, state }, filters: filterParams(filters) }
  return useQuery({
    queryKey: [...KEY, asked],
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
    onSuccess: () => client.invalidateQueries({ queryKey: KEY }),
  })
}
