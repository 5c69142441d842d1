import { useQuery } from '@tanstack/react-query'
import type { Attribute, Filter } from '@/lib/filters'
import { filterParams } from '@/lib/filters'
import type { Range } from '@/lib/time'
import { api, rangeQuery, type Shape } from './client'

/** A day of the past, and what was to be expected of it. Estimates are in units of money. */
export type SpendDay = Shape<'DayBody'>

export type Anomaly = Shape<'AnomalyBody'>

/** A day from which on spend has another level. */
export type ChangePoint = Shape<'ChangeBody'>

/** A day to come. Four of five end between low and high, nineteen of twenty between the others. */
export type ForecastDay = Shape<'AheadBody'>

export type SpendInsight = Shape<'SpendInsights'>

export const INSIGHTS_KEY = 'insights'

interface SpendAsked {
  days: number
  horizon: number
  tz: string
  filters: Filter[]
}

export function useSpendInsight({ days, horizon, tz, filters }: SpendAsked) {
  const asked = { query: { days, horizon, tz }, filters: filterParams(filters) }
  return useQuery({
    queryKey: [INSIGHTS_KEY, 'spend', asked],
    queryFn: ({ signal }) => api.get('/api/v1/insights/spend', { ...asked, signal }),
    placeholderData: (last) => (last && last.tz === tz ? last : undefined),
    staleTime: 60_000,
  })
}

/** What one group did to the change, in parts that sum to it. */
export type Driver = Shape<'DriverBody'>

export type Drivers = Shape<'DriversBody'>

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
    queryKey: [INSIGHTS_KEY, 'drivers', asked],
    queryFn: ({ signal }) => api.get('/api/v1/insights/drivers', { ...asked, signal }),
    staleTime: 60_000,
    enabled: by.length > 0,
  })
}
