import { useQuery } from '@tanstack/react-query'
import { type Attribute, type Filter, filterParams } from '@/lib/filters'
import type { Every, Range } from '@/lib/time'
import { api, rangeQuery, type Shape } from './client'
import { INSIGHTS_KEY } from './insights'

/** How revenue that is nobody's own is shared out: not at all, by spend, or evenly. */
export type RoiRule = Shape<'SharingRule'>

/** What came in, what went out, and what is left. Shares are of one: `0.42`. */
export type RoiFigures = Shape<'ReturnBody'>

export type RoiRow = Shape<'RoiRow'>

export type RoiBucket = Shape<'RoiBucket'>

export type Roi = Shape<'RoiBody'>

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
  const query = { ...rangeQuery(range), tz, by, every, rule }
  const asked = { query, filters: filterParams(filters) }
  return useQuery({
    queryKey: [INSIGHTS_KEY, 'roi', asked],
    // An answer keeps what it was grouped by: it stays while the next one is on its way.
    queryFn: async ({ signal }) => ({
      ...(await api.get('/api/v1/insights/roi', { ...asked, signal })),
      by,
    }),
    placeholderData: (last) => (last?.by === by ? last : undefined),
    refetchInterval: REFETCH_MS,
    staleTime: REFETCH_MS,
  })
}
