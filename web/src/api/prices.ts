import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { Remedy, Unpriced } from '@/lib/remedy'
import type { Range } from '@/lib/time'
import { get, send } from './client'

/** Money per so many units of a meter, for a period of validity. */
export interface Price {
  id: string
  provider: string
  model: string | null
  meter: string
  /** How many units the price is for. */
  unit: number | string
  price: string
  currency: string
  conditions?: Record<string, unknown> | null
  valid_from: string | null
  valid_to: string | null
  source: string
  /** Whether the provider sells models of its own. */
  by_maker: boolean
}

interface PricePage {
  items: Price[]
  next_cursor: string | null
}

const PAGE = 1_000
/** A price list is a few thousand rows; more would be a mistake of somebody's import. */
const PAGES_MAX = 20

/** The whole price list, so that it can be searched as people type. */
export function usePrices() {
  return useQuery({
    queryKey: ['prices'],
    queryFn: async ({ signal }) => {
      const prices: Price[] = []
      let cursor: string | null = null
      for (let page = 0; page < PAGES_MAX; page++) {
        const query: [string, string][] = [['limit', String(PAGE)]]
        if (cursor) query.push(['cursor', cursor])
        const answer: PricePage = await get<PricePage>('/prices', query, signal)
        prices.push(...answer.items)
        cursor = answer.next_cursor
        if (!cursor) break
      }
      return prices
    },
    staleTime: 300_000,
  })
}

/** A model that was used and has no price. */
export interface UnpricedModel {
  provider: string | null
  model: string | null
  events: number
}

export function useUnpriced(range: Range, { enabled = true } = {}) {
  const query: [string, string][] = [
    ['from', range.from.toISOString()],
    ['to', range.to.toISOString()],
  ]
  return useQuery({
    queryKey: ['unpriced', query],
    queryFn: async ({ signal }) =>
      (await get<{ items: UnpricedModel[] }>('/prices/unpriced', query, signal)).items,
    placeholderData: keepPreviousData,
    staleTime: 60_000,
    enabled,
  })
}

/** What has no price, by model, with everything that prices are needed for. */
export function useUnpricedUsage(range: Range) {
  const query: [string, string][] = [
    ['from', range.from.toISOString()],
    ['to', range.to.toISOString()],
    ['meters', 'true'],
  ]
  return useQuery({
    queryKey: ['unpriced', query],
    queryFn: ({ signal }) =>
      get<{ items: Unpriced[]; is_cut?: boolean }>('/prices/unpriced', query, signal),
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  })
}

/** What rating usage again changed, or would change. */
export interface Rerated {
  applied: boolean
  events: number
  changed: number
  accounts: number
  priced: number
  unpriced: number
  difference: string
}

/** Looks at what a remedy would change, or applies it: sets its prices and rates usage again. */
export function useRemedy() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ remedy, apply }: { remedy: Remedy; apply: boolean }) =>
      send<Rerated>('POST', '/prices/rerate', { ...remedy, dry_run: !apply }),
    onSuccess: ({ applied }) => (applied ? client.invalidateQueries() : undefined),
  })
}

export interface QuoteRequest {
  provider: string
  model: string
  quantities: Record<string, number>
}

/** Asks what usage would cost. Nothing is kept of it. */
export function fetchQuote(request: QuoteRequest, signal?: AbortSignal): Promise<Quote> {
  return send<Quote>('POST', '/prices/quote', request, signal)
}

/** What usage would cost, line by line. */
export interface Quote {
  amount: string | null
  basis?: string
  /** Why there is no amount, or not all of it. */
  unpriced?: { missing: string[] }
  lines: QuoteLine[]
}

export interface QuoteLine {
  meter: string
  quantity: number | string
  unit: number | string
  price: string
  amount: string
  price_id?: string
}
