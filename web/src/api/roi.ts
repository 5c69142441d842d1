import { useQuery } from '@tanstack/react-query'
import { type Attribute, type Filter, filterParams } from '@/lib/filters'
import type { Every, Range } from '@/lib/time'
import type { RoiRule } from '@/wire'
import { api, rangeQuery } from './client'
import { keys } from './keys'

export type { Roi, RoiBucket, RoiFigures, RoiRow, RoiRule } from '@/wire'

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
    queryKey: keys.roi(asked),
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
