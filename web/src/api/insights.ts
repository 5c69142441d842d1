import { useQuery } from '@tanstack/react-query'
import type { Attribute, Filter } from '@/lib/filters'
import { filterParams } from '@/lib/filters'
import type { Day, Range } from '@/lib/time'
import { get } from './client'

/** A day of the past, and what was to be expected of it. Estimates are in units of money. */
export interface SpendDay {
  date: Day
  spend: string
  requests: number
  /** Whether it is not over yet. */
  running: boolean
  level: number | null
  season: number | null
  rest: number | null
  expected: number | null
  low: number | null
  high: number | null
}

export interface Anomaly {
  date: Day
  spend: number
  expected: number
  low: number
  high: number
  score: number
  severity: 'low' | 'medium' | 'high' | 'critical'
  direction: 'high' | 'low'
  methods: string[]
}

/** A day from which on spend has another level. */
export interface ChangePoint {
  date: Day
  /** It began between these days. */
  first: Day
  last: Day
  before: number
  after: number
}

/** A day to come. Four of five end between low and high, nineteen of twenty between the others. */
export interface ForecastDay {
  date: Day
  expected: number
  low: number
  high: number
  low95: number
  high95: number
}

export interface SpendInsight {
  tz: string
  days: SpendDay[]
  summary: {
    total: string
    daily: number
    direction: 'rising' | 'falling' | 'steady'
    /** How far the trend rose over these days, as a share; 0 without a trend. */
    growth: number
    weekly_growth: number | null
    /** The size of the noise, as a share of the level. */
    volatility: number
    weekly: boolean
  }
  /** The mean of each weekday, Monday first. */
  weekdays: (number | null)[]
  anomalies: Anomaly[]
  changes: ChangePoint[]
  forecast: {
    days: ForecastDay[]
    /** What is expected of all of them. */
    total: number
    /** In four of five cases it is between these; nothing where there are too few days to say. */
    total_low: number | null
    total_high: number | null
    methods: { method: string; weight: number; error: number | null }[]
    /** Why it is weak, where it is. */
    note: string | null
  } | null
  /** Why there is less than usual, e.g. too few days. */
  note: string | null
}

export const INSIGHTS_KEY = 'insights'

interface SpendAsked {
  days: number
  horizon: number
  tz: string
  filters: Filter[]
}

export function useSpendInsight({ days, horizon, tz, filters }: SpendAsked) {
  const query: [string, string][] = [
    ['days', String(days)],
    ['horizon', String(horizon)],
    ['tz', tz],
    ...filterParams(filters),
  ]
  return useQuery({
    queryKey: [INSIGHTS_KEY, 'spend', query],
    queryFn: ({ signal }) => get<SpendInsight>('/insights/spend', query, signal),
    placeholderData: (last) => (last && last.tz === tz ? last : undefined),
    staleTime: 60_000,
  })
}

/** What one group did to the change, in parts that sum to it. */
export interface Driver {
  group: Record<string, string>
  /** Whether it stands for smaller groups that are not listed. */
  other: boolean
  before: string
  after: string
  change: string
  /** More or less of it. */
  volume: string
  /** Dearer or cheaper units. */
  price: string
  /** Other kinds of units. */
  mix: string
  presence: 'stayed' | 'new' | 'gone'
}

export interface Drivers {
  from: string
  to: string
  previous_from: string
  previous_to: string
  before: string
  after: string
  change: string
  volume: string
  price: string
  mix: string
  rows: Driver[]
}

interface DriversAsked {
  range: Range
  by: Attribute[]
  tz: string
  filters: Filter[]
}

export function useDrivers({ range, by, tz, filters }: DriversAsked) {
  const query: [string, string][] = [
    ['from', range.from.toISOString()],
    ['to', range.to.toISOString()],
    ['by', by.join(',')],
    ['tz', tz],
    ...filterParams(filters),
  ]
  return useQuery({
    queryKey: [INSIGHTS_KEY, 'drivers', query],
    queryFn: ({ signal }) => get<Drivers>('/insights/drivers', query, signal),
    staleTime: 60_000,
    enabled: by.length > 0,
  })
}
