import type { ComponentType } from 'react'
import { ChartSkeleton } from '@/charts/ChartSkeleton'
import { HeatMap } from '@/charts/HeatMap'
import { InsightChart } from '@/charts/InsightChart'
import { MonthChart } from '@/charts/MonthChart'
import { RoiChart } from '@/charts/RoiChart'
import { SeriesChart } from '@/charts/SeriesChart'
import { SeriesTableView } from '@/charts/SeriesTableView'
import { Sparkline } from '@/charts/Sparkline'
import { type Amount, parseAmount } from '@/lib/amount'
import { foldHours } from '@/lib/heat'
import { insightDays } from '@/lib/insights'
import { type Mark, placedMarks } from '@/lib/marks'
import type { SeriesTable } from '@/lib/series'
import { DAY_MS } from '@/lib/time'
import type { SpendInsight } from '@/wire'
import { INSIGHT, NOW } from './answers'

const nothing = () => undefined
const DAYS = 30
const HOUR_MS = DAY_MS / 24
const FIRST = Date.parse('2026-10-24T00:00:00Z')
const starts = Array.from({ length: DAYS }, (_, at) => new Date(FIRST + at * DAY_MS))
/** Weekdays are fuller than weekends, and grow a little. */
const spend = (at: number, part: number) =>
  parseAmount((((at % 7 < 5 ? 6 : 1.5) + at / 10) * part).toFixed(9))
const sum = (amounts: Amount[]) => amounts.reduce((total, one) => (total + one) as Amount)

const SERIES = ['anthropic', 'openai', 'semrush'].map((name, slot) => ({
  key: name,
  names: [name],
  label: name,
  slot: slot as never,
  readings: starts.map((_, at) => spend(at, [0.7, 0.2, 0.1][slot] ?? 0)),
}))

export const TABLE: SeriesTable = {
  starts,
  series: SERIES,
  totals: starts.map((_, at) => sum(SERIES.map(({ readings }) => readings[at] as Amount))),
}

/** An hour of each day of four weeks. */
const HEAT = foldHours(
  Array.from({ length: 28 * 24 }, (_, at) => ({
    time: new Date(FIRST + at * HOUR_MS),
    names: [],
    isOther: false,
    readings: { spend: spend(Math.floor(at / 24), 8 <= at % 24 && at % 24 < 18 ? 0.08 : 0.01) },
  })),
  'spend',
  'UTC',
  NOW,
)

/** What happened, one after another and two on a day. */
export const MARKS: Mark[] = (
  [
    ['note', 'Release 7', '2026-10-30T10:00:00Z'],
    [
      'price',
      'anthropic claude-opus-4-1: input tokens 15 → 12 USD per million',
      '2026-11-06T00:00:00Z',
    ],
    ['alert', 'OpenAI above $100 a day', '2026-11-14T09:00:00Z'],
    ['import', 'Imported 1200 events from june.csv', '2026-11-14T11:00:00Z'],
  ] as const
).map(([kind, text, at]) => ({
  key: text,
  kind,
  text,
  at: new Date(at),
  until: null,
  link: kind === 'note' ? null : ({ to: 'alerts' } as const),
  id: kind === 'note' ? '1' : null,
  author: kind === 'note' ? 'ada' : null,
}))

const insight = INSIGHT as unknown as SpendInsight
const days = insightDays(insight)
const scene = { tz: 'UTC', now: NOW, currency: 'USD' }

const month = starts.map((start, at) => ({
  start,
  spent: at < 20 ? parseAmount((at * 7).toFixed(9)) : null,
  low: at >= 19 ? at * 6.6 : null,
  expected: at >= 19 ? at * 7 : null,
  high: at >= 19 ? at * 7.6 : null,
}))

const buckets = starts.map((start, at) => ({
  start: start.toISOString(),
  spend: (5 + (at % 3)).toFixed(9),
  revenue: (9 + (at % 7)).toFixed(9),
  profit: (4 + (at % 7) - (at % 3)).toFixed(9),
  unpriced: 0,
}))

/** Every kind of chart, and the table that is read instead. */
export const CHARTS: Record<string, ComponentType> = {
  ChartSkeleton: () => <ChartSkeleton height={120} />,
  HeatMap: () => (
    <HeatMap
      heat={HEAT}
      measure="spend"
      tz="UTC"
      currency="USD"
      label="Spend by hour and weekday"
      height={220}
    />
  ),
  InsightChart: () => (
    <InsightChart
      {...scene}
      days={days}
      changes={insight.changes}
      label="Daily spend with forecast"
      height={220}
    />
  ),
  MonthChart: () => (
    <MonthChart {...scene} days={month as never} budget={180} label="The month" height={200} />
  ),
  RoiChart: () => (
    <RoiChart
      {...scene}
      buckets={buckets as never}
      every="day"
      label="Revenue, spend and profit"
      height={200}
      onZoom={nothing}
    />
  ),
  SeriesChart: () => (
    <SeriesChart
      {...scene}
      table={TABLE}
      previous={null}
      highlight={null}
      measure="spend"
      every="day"
      label="Daily spend by provider"
      height={220}
      onZoom={nothing}
      marks={placedMarks(MARKS, starts, new Date(FIRST + DAYS * DAY_MS))}
    />
  ),
  SeriesTableView: () => (
    <SeriesTableView
      {...scene}
      data={TABLE}
      measure="spend"
      every="day"
      label="Daily spend by provider"
      height={160}
    />
  ),
  Sparkline: () => <Sparkline readings={TABLE.totals.slice(0, 7)} running={6} />,
}
