import { drawnUnits, formatAmountShort } from '@/lib/amount'
import type { MonthDay } from '@/lib/month'
import { labelled } from '@/lib/series'
import { formatDay } from '@/lib/time'
import { labelsMax } from './frame'
import type { Sheet } from './sheet'

export interface MonthDrawing {
  days: MonthDay[]
  /** What may be spent, in units of money. */
  budget: number | null
  tz: string
  now: Date
  currency: string
}

const CONE = 0.18
const EDGE = 0.6

/** What a month comes to, day by day: a line of what was, a cone of what will be, and the budget. */
export function monthSheet({ days, budget, tz, now, currency }: MonthDrawing): Sheet {
  const spent = days.map(({ spent }) => (spent === null ? null : drawnUnits(spent)))
  return {
    count: days.length,
    labels: (width) => {
      const shown = labelled(days.length, () => true, labelsMax(width))
      return days.map(({ start }, at) => (shown.has(at) ? formatDay(start, tz, now) : ''))
    },
    format: (value) => formatAmountShort(value, currency),
    marks: [
      {
        kind: 'band',
        id: 'cone',
        low: days.map(({ low }) => low),
        high: days.map(({ high }) => high),
        paint: { fill: 'var(--accent)', opacity: CONE },
        edge: { stroke: 'var(--accent)', strokeWidth: 1, opacity: EDGE },
      },
      {
        kind: 'line',
        id: 'expected',
        values: days.map(({ expected }) => expected),
        paint: { stroke: 'var(--accent)', strokeWidth: 2, dash: '5 4' },
      },
      {
        kind: 'line',
        id: 'spent',
        values: spent,
        paint: { stroke: 'var(--accent)', strokeWidth: 2.25 },
      },
      {
        kind: 'line',
        id: 'budget',
        values: days.map(() => budget),
        paint: { stroke: 'var(--ink-1)', strokeWidth: 1.5, dash: '2 3' },
      },
    ],
  }
}
