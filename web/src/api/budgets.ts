import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, type Shape } from './client'

/** In which time a budget may be spent. */
export type BudgetPeriod = Shape<'BudgetPeriod'>

export type Enforcement = Shape<'Enforcement'>

/** A share of a budget at which people want to know: of what is spent, or of the forecast. */
export type Threshold = Shape<'BudgetThresholdBody'>

export type BudgetState = Shape<'BudgetState'>

/** Where a budget stands in its present window. */
export type BudgetStatus = Shape<'StatusBody'>

export type AnyBudget = Shape<'BudgetBody'>

/** What a budget says. */
export type BudgetDraft = Omit<AnyBudget, 'id' | 'imported' | 'status' | 'error'>

/** A budget that was held against spend. */
export interface Budget extends AnyBudget {
  status: BudgetStatus
}

export const BUDGETS_KEY = 'budgets'

export function useBudgets() {
  return useQuery({
    queryKey: [BUDGETS_KEY],
    queryFn: async ({ signal }) => (await api.get('/api/v1/budgets', { signal })).items,
    staleTime: 30_000,
  })
}

/** Makes a budget, or changes the one with the id. */
export function useSaveBudget(id: string | null) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (draft: BudgetDraft) =>
      id === null
        ? api.post('/api/v1/budgets', { body: draft })
        : api.put('/api/v1/budgets/{id}', { path: { id }, body: draft }),
    onSuccess: () => client.invalidateQueries({ queryKey: [BUDGETS_KEY] }),
  })
}

export function useRemoveBudget() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (id: string) => api.delete('/api/v1/budgets/{id}', { path: { id } }),
    onSuccess: () => client.invalidateQueries({ queryKey: [BUDGETS_KEY] }),
  })
}
