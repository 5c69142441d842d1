import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type Filter, filterParams, type WireScope } from '@/lib/filters'
import { type Day, hoursFromNow } from '@/lib/time'
import { get, send } from './client'
import { INSIGHTS_KEY } from './insights'

export type RecommendationKind =
  | 'cheaper_model'
  | 'prompt_caching'
  | 'batch'
  | 'context_tier'
  | 'failures'
  | 'idle'
  | 'volatility'
  | 'growth'
  | 'anomalies'
  | 'budget'
  | 'service'

export type RecommendationState = 'open' | 'snoozed' | 'done' | 'dismissed'

/** What a month would cost less, and between what. */
export interface Saving {
  monthly: string
  low: string
  high: string
}

/** What was saved since somebody did it. */
export interface Measured {
  since: Day
  days: number
  /** What these days would have cost without it. */
  expected: string
  actual: string
  saved: string
  low: string
  high: string
}

/** Something to do, what it saves, and what proves it. */
export interface Recommendation {
  id: string
  kind: RecommendationKind
  priority: 'high' | 'medium' | 'low'
  title: string
  description: string
  /** Nothing where it is about risk and not about a sum. */
  saving: Saving | null
  confidence: 'high' | 'medium' | 'low'
  /** What has to hold for the saving. */
  assumption: string | null
  scope: WireScope
  evidence: { label: string; value: string }[]
  proof: { columns: string[]; rows: string[][] } | null
  /** The page that shows the usage behind it. */
  path: string | null
  actions: string[]
  state: RecommendationState
  changed_by: string | null
  changed_at: string | null
  snoozed_until: string | null
  note: string | null
  measured: Measured | null
}

export interface Recommendations {
  from: string
  to: string
  tz: string
  days: number
  /** What was spent in these days. */
  spend: string
  /** Of all that are listed, each saving counted once where they overlap. */
  saving: Saving
  items: Recommendation[]
}

const KEY = [INSIGHTS_KEY, 'recommendations']

interface Asked {
  days: number
  tz: string
  filters: Filter[]
  state: RecommendationState
}

export function useRecommendations({ days, tz, filters, state }: Asked) {
  const query: [string, string][] = [
    ['days', String(days)],
    ['tz', tz],
    ['state', state],
    ...filterParams(filters),
  ]
  return useQuery({
    queryKey: [...KEY, query],
    queryFn: ({ signal }) => get<Recommendations>('/insights/recommendations', query, signal),
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
      send<Recommendation>('PUT', `/insights/recommendations/${encodeURIComponent(id)}`, {
        ...(typeof decision === 'string'
          ? { state: decision }
          : { state: 'snoozed', until: hoursFromNow(decision.snooze) }),
        note: note || undefined,
      }),
    onSuccess: () => client.invalidateQueries({ queryKey: KEY }),
  })
}
