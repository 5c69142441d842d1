import type { Theme } from '@/lib/colour'

/** Where in the chart's box the bars stand, in pixels. */
export interface Plot {
  left: number
  right: number
  top: number
  bottom: number
}

export function plotFor(width: number): Plot {
  return { left: width < 480 ? 50 : 60, right: 4, top: 8, bottom: 26 }
}

/** Colours that a canvas cannot take from CSS by itself. */
export interface Inks {
  theme: Theme
  text: string
  line: string
  strong: string
  accent: string
  bad: string
  surface: string
}

/** How many texts fit below an axis, at least two. */
export function labelsMax(width: number): number {
  return Math.max(2, Math.floor(width / (width < 480 ? 56 : 68)))
}

interface Frame {
  width: number
  inks: Inks
  /** A text for every place below the axis, empty where none should stand. */
  labels: string[]
  /** Writes a value beside its line. */
  format: (value: number) => string
  /** Where the upright axis begins, where zero is not to be left to the data. */
  min?: number
}

/** What all charts share: the type, the plot and the axes, without anything drawn on them. */
export function chartFrame({ width, inks, labels, format, min }: Frame) {
  return {
    textStyle: { fontFamily: "'Inter Variable', Inter, system-ui, sans-serif" },
    grid: { ...plotFor(width), outerBoundsMode: 'none' as const },
    xAxis: {
      type: 'category',
      data: labels,
      axisTick: { show: false },
      axisLine: { lineStyle: { color: inks.strong } },
      axisLabel: {
        color: inks.text,
        fontSize: 11,
        margin: 9,
        // A text is there only where a label belongs.
        interval: (index: number) => labels[index] !== '',
        hideOverlap: true,
      },
    },
    yAxis: {
      type: 'value',
      min,
      splitNumber: 4,
      axisLabel: { color: inks.text, fontSize: 11, formatter: format },
      splitLine: { lineStyle: { color: inks.line } },
    },
  }
}

/** Bars closer together where there are many. */
export function barGap(count: number): string {
  return count > 120 ? '8%' : '24%'
}
