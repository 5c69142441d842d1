import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { Remedy, Unpriced } from '@/lib/remedy'
import type { Range } from '@/lib/time'
import type { Price, Quote } from '@/wire'
import { api, rangeQuery, type Shape } from './client'
import { keys } from './keys'

export type { Price, Quote, Rerated } from '@/wire'

const PAGE = 1_000
/** A price list is a few thousand rows; more would be a mistake of somebody's import. */
const PAGES_MAX = 20

/** The whole price list, so that it can be searched as people type. */
export function usePrices() {
  return useQuery({
    queryKey: keys.prices(),
    queryFn: async ({ signal }) => {
      const prices: Price[] = []
      let cursor: string | undefined
      for (let page = 0; page < PAGES_MAX; page++) {
        const query = { limit: PAGE, cursor }
        const answer: Shape<'PricePage'> = await api.get('/api/v1/prices', { query, signal })
        prices.push(...answer.items)
        if (answer.next_cursor === null) break
        cursor = answer.next_cursor
      }
      return prices
    },
    staleTime: 300_000,
  })
}

export function useUnpriced(range: Range, { enabled = true } = {}) {
  const query = rangeQuery(range)
  return useQuery({
    queryKey: keys.unpricedIn(query),
    queryFn: async ({ signal }) =>
      (await api.get('/api/v1/prices/unpriced', { query, signal })).items,
    placeholderData: keepPreviousData,
    staleTime: 60_000,
    enabled,
  })
}

/** What has no price, by model, with everything that prices are needed for. */
export function useUnpricedUsage(range: Range) {
  const query = { ...rangeQuery(range), meters: true }
  return useQuery({
    queryKey: keys.unpricedIn(query),
    queryFn: async ({ signal }) => {
      const { items, is_cut } = await api.get('/api/v1/prices/unpriced', { query, signal })
      // What is needed is told where it is asked for.
      return { items: items as Unpriced[], is_cut }
    },
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  })
}

/** Looks at what a remedy would change, or applies it: sets its prices and rates usage again. */
export function useRemedy() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ remedy, apply }: { remedy: Remedy; apply: boolean }) =>
      api.post('/api/v1/prices/rerate', { body: { ...remedy, dry_run: !apply } }),
    onSuccess: ({ applied }) => (applied ? client.invalidateQueries() : undefined),
  })
}

export interface QuoteRequest {
  provider: string
  model: string
  quantities: Record<string, number>
}

/** Asks what usage would cost. Nothing is kept of it. */
export function fetchQuote(body: QuoteRequest, signal?: AbortSignal): Promise<Quote> {
  return api.post('/api/v1/prices/quote', { body, signal })
}
