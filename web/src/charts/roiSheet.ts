import type { RoiBucket } from '@/api/roi'
import { formatAmountShort } from '@/lib/amount'
import { drawnBucket } from '@/lib/roi'
import type { Every } from '@/lib/time'
import { barGap } from './frame'
import { axisLabels, DOTS_MAX, PARTIAL_OPACITY, runningBucket } from './seriesSheet'
import type { Bars, Sheet } from './sheet'

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
export function roiSheet({ buckets, every, tz, now, currency }: RoiDrawing): Sheet {
  const units = buckets.map(drawnBucket)
  const starts = buckets.map(({ start }) => new Date(start))
  const running = runningBucket(starts, now)
  const bars = (id: string, values: number[], opacity: number): Bars => ({
    kind: 'bars',
    id,
    stack: id,
    values,
    paint: { fill: 'var(--accent)', opacity },
    running: { at: running, paint: { opacity: opacity * PARTIAL_OPACITY } },
  })
  return {
    count: buckets.length,
    labels: (width) => axisLabels({ table: { starts }, every, tz, now }, width),
    format: (value) => formatAmountShort(value, currency),
    gap: barGap(buckets.length),
    barMax: 24,
    marks: [
      bars(
        'revenue',
        units.map(({ revenue }) => revenue),
        REVENUE_OPACITY,
      ),
      bars(
        'spend',
        units.map(({ spend }) => spend),
        1,
      ),
      {
        kind: 'line',
        id: 'profit',
        // What is to come has no profit of zero.
        values: units.map(({ profit }, at) => (starts[at] && starts[at] > now ? null : profit)),
        paint: { stroke: 'var(--ink-2)', strokeWidth: 2 },
        // A rim tells the line from the bars that it crosses.
        rim: { stroke: 'var(--surface)', strokeWidth: 5 },
        dots:
          buckets.length <= DOTS_MAX
            ? { radius: 3, paint: { fill: 'var(--ink-2)', stroke: 'var(--surface)' } }
            : undefined,
      },
    ],
  }
}
