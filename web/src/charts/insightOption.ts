import { formatAmountShort } from '@/lib/amount'
import { drawnSpend, type InsightDay } from '@/lib/insights'
import { labelled } from '@/lib/series'
import { formatDay } from '@/lib/time'
import { barGap, chartFrame, type Inks, labelsMax, plotFor } from './frame'

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
export function insightOption({ days, currency, now }: InsightDrawing, width: number, inks: Inks) {
  return {
    animation: false,
    ...chartFrame({
      width,
      inks,
      labels: labels(days, width - plotFor(width).left, now),
      format: (value) => formatAmountShort(value, currency),
      min: 0,
    }),
    series: [
      bars(days, inks),
      ...band(
        'expected',
        days.map(({ past }) => past),
        inks.text,
        EXPECTED_BAND,
      ),
      ...band(
        'ahead',
        days.map(({ ahead }) => ahead),
        inks.accent,
        FORECAST_BAND,
      ),
      line(
        'level',
        days.map(({ past }) => past?.level ?? null),
        { color: inks.text, width: 1.75 },
      ),
      line(
        'forecast',
        days.map(({ ahead }) => ahead?.expected ?? null),
        {
          color: inks.accent,
          width: 2,
          type: [5, 4],
        },
      ),
      anomalies(days, inks),
    ],
  }
}

function bars(days: InsightDay[], inks: Inks) {
  return {
    id: 'spend',
    type: 'bar',
    barCategoryGap: barGap(days.length),
    barMaxWidth: 32,
    itemStyle: { color: inks.accent, opacity: HISTORY_OPACITY },
    silent: true,
    data: days.map((day) => ({
      value: drawnSpend(day),
      // The day that runs is an outline.
      itemStyle: day.past?.running
        ? {
            opacity: 1,
            color: inks.surface,
            borderColor: inks.accent,
            borderWidth: 1.5,
            borderType: 'dashed',
          }
        : undefined,
    })),
  }
}

type Ranged = { low: number | null; high: number | null } | null

/** A filled range is two stacked lines, of which only the upper one is filled. */
function band(id: string, ranges: Ranged[], color: string, opacity: number) {
  const shared = {
    type: 'line',
    stack: id,
    showSymbol: false,
    silent: true,
    lineStyle: { color, width: 1, opacity: EDGE_OPACITY },
  }
  const low = ranges.map((range) => (range?.low == null ? null : Math.max(0, range.low)))
  const height = ranges.map((range, at) =>
    range?.high == null || low[at] == null ? null : Math.max(0, range.high - (low[at] ?? 0)),
  )
  return [
    { ...shared, id: `${id} low`, data: low },
    { ...shared, id: `${id} high`, data: height, areaStyle: { color, opacity } },
  ]
}

function line(id: string, data: (number | null)[], lineStyle: object) {
  return { id, type: 'line', showSymbol: false, connectNulls: false, silent: true, lineStyle, data }
}

function anomalies(days: InsightDay[], inks: Inks) {
  return {
    id: 'anomalies',
    type: 'line',
    showSymbol: true,
    showAllSymbol: true,
    symbol: 'circle',
    symbolSize: 9,
    z: 6,
    silent: true,
    lineStyle: { opacity: 0 },
    itemStyle: { color: inks.bad, borderColor: inks.surface, borderWidth: 1.5 },
    data: days.map((day) => (day.anomaly ? drawnSpend(day) : null)),
  }
}

function labels(days: InsightDay[], width: number, now: Date): string[] {
  const shown = labelled(days.length, () => true, labelsMax(width))
  return days.map(({ date }, at) =>
    shown.has(at) ? formatDay(new Date(`${date}T00:00:00Z`), 'UTC', now) : '',
  )
}
