import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { BudgetDraft } from '@/wire'
import { api } from './client'
import { keys } from './keys'

export type {
  AnyBudget,
  Budget,
  BudgetDraft,
  BudgetPeriod,
  BudgetState,
  BudgetStatus,
  Enforcement,
  Threshold,
} from '@/wire'

export const budgetsQuery = queryOptions({
  queryKey: keys.budgets(),
  queryFn: async ({ signal }) => (await api.get('/api/v1/budgets', { signal })).items,
  staleTime: 30_000,
})

export function useBudgets() {
  return useQuery(budgetsQuery)
}

/** Makes a budget, or changes the one with the id. */
export function useSaveBudget(id: string | null) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (draft: BudgetDraft) =>
      id === null
        ? api.post('/api/v1/budgets', { body: draft })
        : api.put('/api/v1/budgets/{id}', { path: { id }, body: draft }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.budgets() }),
  })
}

export function useRemoveBudget() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (id: string) => api.delete('/api/v1/budgets/{id}', { path: { id } }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.budgets() }),
  })
}
