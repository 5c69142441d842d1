/** Where in the chart's box the bars stand, in pixels. */
export interface Plot {
  left: number
  right: number
  top: number
  bottom: number
}

/** Pixels that a character of an axis takes, at most, and what stands beside the longest text. */
const CHARACTER = 6.6
const MARGIN = 14

/** Room for the texts beside the axis, however long a currency's are. */
export function plotFor(texts: string[]): Plot {
  const longest = texts.reduce((max, text) => Math.max(max, text.length), 0)
  const left = Math.min(110, Math.max(40, Math.ceil(longest * CHARACTER) + MARGIN))
  return { left, right: 4, top: 8, bottom: 26 }
}

/** How many texts fit below an axis, at least two. */
export function labelsMax(width: number): number {
  return Math.max(2, Math.floor(width / (width < 480 ? 56 : 68)))
}

/** The part of a place that stays free beside its bars: less where there are many. */
export function barGap(count: number): number {
  return count > 120 ? 0.08 : 0.24
}
