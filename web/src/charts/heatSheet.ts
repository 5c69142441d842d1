import { clock, HEAT_STEPS, type Heat, HOURS, heatStep, WEEKDAYS } from '@/lib/heat'
import type { Plot } from './frame'
import type { Layout, Shape } from './sheet'

/** Pixels between two cells. */
const GAP = 2

/** How much of the accent a step has on the card's colour: the first is told from nothing. */
export function heatColour(step: number): string {
  if (step === 0) return 'var(--sunken)'
  const share = Math.round(18 + ((step - 1) / (HEAT_STEPS - 1)) * 82)
  return `color-mix(in srgb, var(--accent) ${share}%, var(--surface))`
}

/** Where the cells stand in a box of so many pixels. */
export function heatPlot(): Plot {
  return { left: 44, right: 4, top: 4, bottom: 26 }
}

/** The cells, a shape for each step of colour, with weekdays beside and hours beneath them. */
export function layOutHeat({ cells, most }: Heat, width: number, height: number): Layout {
  const plot = heatPlot()
  const step = (width - plot.left - plot.right) / HOURS
  const tall = (height - plot.top - plot.bottom) / WEEKDAYS.length
  const paths = Array.from({ length: HEAT_STEPS + 1 }, () => '')
  for (const { weekday, hour, mean } of cells) {
    const [x1, x2] = [plot.left + hour * step, plot.left + (hour + 1) * step - GAP]
    const [y1, y2] = [plot.top + weekday * tall, plot.top + (weekday + 1) * tall - GAP]
    const corners = [x1, y1, Math.max(x1 + 1, x2), y2].map((at) => Math.round(at))
    const [left, top, right, bottom] = corners
    paths[heatStep(mean, most)] += `M${left} ${top}H${right}V${bottom}H${left}Z`
  }
  const every = width < 520 ? 6 : 3
  return {
    plot,
    step,
    isBare: true,
    ticks: WEEKDAYS.map((name, at) => ({
      value: at,
      y: plot.top + (at + 0.5) * tall - GAP / 2,
      text: name.slice(0, 3),
    })),
    labels: Array.from({ length: HOURS / every }, (_, at) => ({
      x: plot.left + at * every * step,
      text: clock(at * every),
      anchor: 'start' as const,
    })),
    ground: height - plot.bottom,
    shapes: paths.flatMap((path, step): Shape[] =>
      path ? [{ key: `step ${step}`, path, fill: heatColour(step) }] : [],
    ),
    valueAt: () => 0,
  }
}
