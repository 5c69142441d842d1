import { useQuery } from '@tanstack/react-query'
import { type Attribute, type Filter, filterParams } from '@/lib/filters'
import type { Every, Range } from '@/lib/time'
import { get } from './client'
import { INSIGHTS_KEY } from './insights'

/** How revenue that is nobody's own is shared out: not at all, by spend, or evenly. */
export type RoiRule = 'direct' | 'spend' | 'even'

/** What came in, what went out, and what is left. Shares are of one: `0.42`. */
export interface RoiFigures {
  spend: string
  /** Events without a price: what they cost is in no figure. */
  unpriced: number
  revenue: string
  profit: string
  /** Profit as a part of revenue; nothing where there is no revenue. */
  margin: number | null
  /** Profit as a part of spend; nothing where there is no spend. */
  roi: number | null
  purchases: number
  spend_per_purchase: string | null
}

export interface RoiRow extends RoiFigures {
  /** Empty for usage and revenue that name none. Purchases are not shared, so only its own count. */
  group: Record<string, string>
  /** Where its revenue is from: said to be its own, or shared out by the rule. */
  attributed: { direct: string; shared: string }
}

export interface RoiBucket {
  start: string
  spend: string
  unpriced: number
  revenue: string
  profit: string
}

export interface Roi {
  from: string
  to: string
  tz: string
  every: Every
  rule: { name: RoiRule; text: string }
  currency: string
  total: RoiFigures
  previous: RoiFigures | null
  rows: RoiRow[]
  series: RoiBucket[]
  /** Of the buckets that are over, as far as it can be told from noise. */
  trend: { direction: 'rising' | 'falling' | 'steady'; change: number | null }
  /** Revenue that is not in the figures, for want of a rate. */
  other_currencies: { currency: string; revenue: string }[]
}

interface RoiAsked {
  range: Range
  tz: string
  by: Attribute
  every: Every
  rule: RoiRule
  filters: Filter[]
}

/** Revenue comes in without the socket saying so. */
const REFETCH_MS = 60_000

export function useRoi({ range, tz, by, every, rule, filters }: RoiAsked) {
  const query: [string, string][] = [
    ['from', range.from.toISOString()],
    ['to', range.to.toISOString()],
    ['tz', tz],
    ['by', by],
    ['every', every],
    ['rule', rule],
    ...filterParams(filters),
  ]
  return useQuery({
    queryKey: [INSIGHTS_KEY, 'roi', query],
    // An answer keeps what it was grouped by: it stays while the next one is on its way.
    queryFn: async ({ signal }) => ({ ...(await get<Roi>('/insights/roi', query, signal)), by }),
    placeholderData: (last) => (last?.by === by ? last : undefined),
    refetchInterval: REFETCH_MS,
    staleTime: REFETCH_MS,
  })
}
