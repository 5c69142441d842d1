import type { RoiBucket } from '@/api/roi'
import { formatAmountShort } from '@/lib/amount'
import { drawnBucket } from '@/lib/roi'
import type { Every } from '@/lib/time'
import { barGap, chartFrame, type Inks, plotFor } from './frame'
import { axisLabels, PARTIAL_OPACITY, runningBucket } from './option'

/** What is drawn of money that came in and went out. */
export interface RoiDrawing {
  buckets: RoiBucket[]
  every: Every
  tz: string
  now: Date
  currency: string
}

/** How much of the accent revenue keeps beside spend. */
const REVENUE_OPACITY = 0.36

/** Bars of revenue and spend side by side, and profit as a line over them. */
export function roiOption(drawing: RoiDrawing, width: number, inks: Inks) {
  const { buckets, every, tz, now, currency } = drawing
  const units = buckets.map(drawnBucket)
  const starts = buckets.map(({ start }) => new Date(start))
  const running = runningBucket(starts, now)
  const bars = (values: number[], opacity: number) =>
    values.map((value, at) => ({
      value,
      itemStyle: at === running ? { opacity: opacity * PARTIAL_OPACITY } : undefined,
    }))
  const bar = {
    type: 'bar',
    silent: true,
    barGap: '0%',
    barMaxWidth: 24,
    barCategoryGap: barGap(buckets.length),
  }
  const line = { type: 'line', silent: true }
  // What is to come has no profit of zero.
  const profits = units.map(({ profit }, at) => (starts[at] && starts[at] > now ? null : profit))
  return {
    animation: false,
    ...chartFrame({
      width,
      inks,
      labels: axisLabels({ table: { starts }, every, tz, now }, width - plotFor(width).left),
      format: (value) => formatAmountShort(value, currency),
    }),
    series: [
      {
        ...bar,
        id: 'revenue',
        itemStyle: { color: inks.accent, opacity: REVENUE_OPACITY },
        data: bars(
          units.map(({ revenue }) => revenue),
          REVENUE_OPACITY,
        ),
      },
      {
        ...bar,
        id: 'spend',
        itemStyle: { color: inks.accent },
        data: bars(
          units.map(({ spend }) => spend),
          1,
        ),
      },
      // A rim tells the line from the bars that it crosses.
      {
        ...line,
        id: 'profit rim',
        z: 4,
        showSymbol: false,
        lineStyle: { color: inks.surface, width: 5 },
        data: profits,
      },
      {
        ...line,
        id: 'profit',
        z: 5,
        symbol: 'circle',
        symbolSize: 6,
        showSymbol: buckets.length <= 62,
        lineStyle: { color: inks.text, width: 2 },
        itemStyle: { color: inks.text, borderColor: inks.surface, borderWidth: 1 },
        data: profits,
      },
    ],
  }
}
