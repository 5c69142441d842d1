import { formatAmountShort } from '@/lib/amount'
import { drawnSpend, type InsightDay } from '@/lib/insights'
import { labelled } from '@/lib/series'
import { formatDay } from '@/lib/time'
import { barGap, labelsMax } from './frame'
import type { Band, Line, Sheet } from './sheet'

/** What is drawn of spend, day by day. */
export interface InsightDrawing {
  days: InsightDay[]
  currency: string
  now: Date
}

/** Three to one against the card in both themes, as the edges of the ranges are. */
const HISTORY_OPACITY = 0.65
const EDGE_OPACITY = 0.75
const EXPECTED_BAND = 0.16
const FORECAST_BAND = 0.2

/** Bars of spend over the range it was expected in, the level, and the forecast with its range. */
export function insightSheet({ days, currency, now }: InsightDrawing): Sheet {
  return {
    count: days.length,
    labels: (width) => labels(days, width, now),
    format: (value) => formatAmountShort(value, currency),
    gap: barGap(days.length),
    barMax: 32,
    marks: [
      {
        kind: 'bars',
        id: 'spend',
        stack: 'spend',
        values: days.map(drawnSpend),
        paint: { fill: 'var(--accent)', opacity: HISTORY_OPACITY },
        // The day that runs is an outline.
        running: { at: days.findIndex(({ past }) => past?.running), paint: OUTLINE },
      },
      band(
        'expected',
        days.map(({ past }) => past),
        'var(--ink-2)',
        EXPECTED_BAND,
      ),
      band(
        'ahead',
        days.map(({ ahead }) => ahead),
        'var(--accent)',
        FORECAST_BAND,
      ),
      {
        kind: 'line',
        id: 'level',
        values: days.map(({ past }) => past?.level ?? null),
        paint: { stroke: 'var(--ink-2)', strokeWidth: 1.75 },
      },
      {
        kind: 'line',
        id: 'forecast',
        values: days.map(({ ahead }) => ahead?.expected ?? null),
        paint: { stroke: 'var(--accent)', strokeWidth: 2, dash: '5 4' },
      },
      anomalies(days),
    ],
  }
}

const OUTLINE = {
  fill: 'var(--surface)',
  stroke: 'var(--accent)',
  strokeWidth: 1.5,
  dash: '3 2',
  opacity: 1,
}

type Ranged = { low: number | null; high: number | null } | null

function band(id: string, ranges: Ranged[], colour: string, opacity: number): Band {
  // No range is below nothing.
  const edge = (value: number | null | undefined) => (value == null ? null : Math.max(0, value))
  return {
    kind: 'band',
    id,
    low: ranges.map((range) => edge(range?.low)),
    high: ranges.map((range) => edge(range?.high)),
    paint: { fill: colour, opacity },
    edge: { stroke: colour, strokeWidth: 1, opacity: EDGE_OPACITY },
  }
}

function anomalies(days: InsightDay[]): Line {
  return {
    kind: 'line',
    id: 'anomalies',
    values: days.map((day) => (day.anomaly ? drawnSpend(day) : null)),
    paint: {},
    dots: {
      radius: 4.5,
      paint: { fill: 'var(--bad)', stroke: 'var(--surface)', strokeWidth: 1.5 },
    },
  }
}

function labels(days: InsightDay[], width: number, now: Date): string[] {
  const shown = labelled(days.length, () => true, labelsMax(width))
  return days.map(({ date }, at) =>
    shown.has(at) ? formatDay(new Date(`${date}T00:00:00Z`), 'UTC', now) : '',
  )
}
