import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { get, send } from './client'

export const BUDGETS_KEY = 'budgets'

export interface Threshold {
  percent: number
  basis: 'actual' | 'forecast'
}

export interface Period {
  every: 'day' | 'week' | 'month' | 'quarter' | 'year' | 'rolling' | 'once'
  days?: number
  first?: string
  last?: string
}

export interface BudgetStatus {
  from: string
  to: string
  carried: string
  available: string
  spent: string
  remaining: string
  percent: number
  daily: number
  projected: number | null
  projected_low: number | null
  projected_high: number | null
  crossed_on: string | null
  state: 'within' | 'warned' | 'overrunning' | 'spent'
}

export interface BudgetDraft {
  name: string
  scope: Record<string, string[]>
  amount: string
  period: Period
  tz: string
  enforcement: 'soft' | 'hard'
  carries_over?: boolean
}

export interface Budget extends BudgetDraft {
  id: string
  thresholds: Threshold[]
  imported: boolean
  status: BudgetStatus
}

export function useBudgets() {
  return useQuery({
    queryKey: [BUDGETS_KEY],
    queryFn: async ({ signal }) => (await get<{ items: Budget[] }>('/budgets', [], signal)).items,
    refetchInterval: 60_000,
  })
}

export function useCreateBudget() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (draft: BudgetDraft) => send<Budget>('POST', '/budgets', draft),
    onSuccess: () => client.invalidateQueries({ queryKey: [BUDGETS_KEY] }),
  })
}

export function useRemoveBudget() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (id: string) => send<void>('DELETE', `/budgets/${encodeURIComponent(id)}`),
    onSuccess: () => client.invalidateQueries({ queryKey: [BUDGETS_KEY] }),
  })
}
