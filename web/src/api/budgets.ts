import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { WireScope } from '@/lib/filters'
import type { Day } from '@/lib/time'
import { get, send } from './client'

/** In which time a budget may be spent. */
export type BudgetPeriod =
  | { every: 'day' | 'week' | 'month' | 'quarter' | 'year' }
  | { every: 'rolling'; days: number }
  | { every: 'once'; first: Day; last: Day }

export type Enforcement = 'soft' | 'hard'

/** A share of a budget at which people want to know: of what is spent, or of the forecast. */
export interface Threshold {
  percent: number
  basis: 'actual' | 'forecast'
}

/** What a budget says. */
export interface BudgetDraft {
  name: string
  /** Nothing for everything. */
  scope: WireScope
  amount: string
  period: BudgetPeriod
  tz: string
  enforcement: Enforcement
  thresholds: Threshold[]
  carries_over: boolean
}

export type BudgetState = 'within' | 'warned' | 'overrunning' | 'spent'

/** Where a budget stands in its present window. */
export interface BudgetStatus {
  from: string
  to: string
  carried: string
  available: string
  spent: string
  remaining: string
  percent: number
  /** What was spent in a day so far. */
  daily: number
  projected: number | null
  projected_low: number | null
  projected_high: number | null
  crossed_on: Day | null
  state: BudgetState
  reached: Threshold[]
}

export interface AnyBudget extends BudgetDraft {
  id: string
  /** Whether it came from an older system, and nobody changed it here. */
  imported: boolean
  /** Nothing where it cannot be held against spend. */
  status: BudgetStatus | null
  /** Why it cannot. */
  error: string | null
}

/** A budget that was held against spend. */
export interface Budget extends AnyBudget {
  status: BudgetStatus
}

export const BUDGETS_KEY = 'budgets'

export function useBudgets() {
  return useQuery({
    queryKey: [BUDGETS_KEY],
    queryFn: async ({ signal }) =>
      (await get<{ items: AnyBudget[] }>('/budgets', [], signal)).items,
    staleTime: 30_000,
  })
}

const pathOf = (id: string) => `/budgets/${encodeURIComponent(id)}`

/** Makes a budget, or changes the one with the id. */
export function useSaveBudget(id: string | null) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (draft: BudgetDraft) =>
      id === null
        ? send<AnyBudget>('POST', '/budgets', draft)
        : send<AnyBudget>('PUT', pathOf(id), draft),
    onSuccess: () => client.invalidateQueries({ queryKey: [BUDGETS_KEY] }),
  })
}

export function useRemoveBudget() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (id: string) => send<unknown>('DELETE', pathOf(id)),
    onSuccess: () => client.invalidateQueries({ queryKey: [BUDGETS_KEY] }),
  })
}
