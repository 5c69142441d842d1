import { useQuery } from '@tanstack/react-query'
import type { Attribute, Filter } from '@/lib/filters'
import { filterParams } from '@/lib/filters'
import { askedBrief, type BriefAsked } from '@/lib/overview'
import type { Range } from '@/lib/time'
import { api, rangeQuery } from './client'
import { keys } from './keys'

export type {
  Anomaly,
  ChangePoint,
  Driver,
  Drivers,
  ForecastDay,
  SpendDay,
  SpendInsight,
} from '@/wire'

interface SpendAsked {
  days: number
  horizon: number
  tz: string
  filters: Filter[]
}

export function useSpendInsight(
  { days, horizon, tz, filters }: SpendAsked,
  { enabled = true } = {},
) {
  const asked = { query: { days, horizon, tz }, filters: filterParams(filters) }
  return useQuery({
    queryKey: keys.spendInsight(asked),
    queryFn: ({ signal }) => api.get('/api/v1/insights/spend', { ...asked, signal }),
    placeholderData: (last) => (last && last.tz === tz ? last : undefined),
    staleTime: 60_000,
    enabled,
  })
}

interface DriversAsked {
  range: Range
  by: Attribute[]
  tz: string
  filters: Filter[]
}

export function useDrivers({ range, by, tz, filters }: DriversAsked) {
  const query = { ...rangeQuery(range), by: by.join(','), tz }
  const asked = { query, filters: filterParams(filters) }
  return useQuery({
    queryKey: keys.drivers(asked),
    queryFn: ({ signal }) => api.get('/api/v1/insights/drivers', { ...asked, signal }),
    staleTime: 60_000,
    enabled: by.length > 0,
  })
}

/** What to know first about some usage, in the server's words. */
export function useBrief(brief: BriefAsked) {
  const asked = askedBrief(brief)
  return useQuery({
    queryKey: keys.brief(asked),
    queryFn: ({ signal }) => api.get('/api/v1/insights/brief', { ...asked, signal }),
    staleTime: 60_000,
  })
}
