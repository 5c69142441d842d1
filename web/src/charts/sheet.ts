// What a chart is made of, and where all of it stands. No element and no colour is known here, so
// that every line of it can be tested.
import { type Plot, plotFor } from './frame'

/** A value for every place of the chart; nothing where there is a gap. */
export type Values = (number | null)[]

/** How something is painted, in the words of CSS. */
export interface Paint {
  fill?: string
  stroke?: string
  strokeWidth?: number
  /** Lengths of dashes and gaps, `4 4`. */
  dash?: string
  opacity?: number
}

/** Bars that stand on those of the same stack, and beside those of another. */
export interface Bars {
  kind: 'bars'
  id: string
  stack: string
  values: Values
  paint: Paint
  /** The place that is not over yet, and how it is painted. */
  running?: { at: number; paint: Paint }
}

/** A line from place to place, broken where there is no value. */
export interface Line {
  kind: 'line'
  id: string
  values: Values
  paint: Paint
  /** What tells it from all that it crosses, drawn beneath it. */
  rim?: Paint
  /** A dot at every value; without it, only where a value stands alone. */
  dots?: { radius: number; paint: Paint }
}

/** What lies between two values of each place. */
export interface Band {
  kind: 'band'
  id: string
  low: Values
  high: Values
  paint: Paint
  edge: Paint
}

export type Mark = Bars | Line | Band

/** Everything that is drawn, from behind to before. */
export interface Sheet {
  /** How many places stand side by side. */
  count: number
  /** A text for each of them in so many pixels, empty where none should stand. */
  labels: (width: number) => string[]
  /** Writes a value beside the axis. */
  format: (value: number) => string
  /** Whether parts of one make no sense, as with requests. */
  isWhole?: boolean
  /** How wide a bar is at most, in pixels, and the part of a place that stays free. */
  barMax?: number
  gap?: number
  marks: Mark[]
}

/** A shape in pixels. */
export interface Shape extends Paint {
  key: string
  path: string
}

/** A sheet in a box of so many pixels. */
export interface Layout {
  plot: Plot
  step: number
  ticks: { value: number; y: number; text: string }[]
  labels: { x: number; text: string; anchor: 'start' | 'middle' | 'end' }[]
  /** Whether it has no lines beside what it is named by. */
  isBare?: boolean
  /** Where zero is. */
  ground: number
  shapes: Shape[]
  /** The value at a height. */
  valueAt: (y: number) => number
}

export function layOut(sheet: Sheet, width: number, height: number): Layout {
  const values = niceTicks(...extent(sheet.marks), sheet.isWhole)
  const texts = values.map(sheet.format)
  const plot = plotFor(texts)
  const [lowest, highest] = [values[0] ?? 0, values.at(-1) ?? 1]
  const step = (width - plot.left - plot.right) / Math.max(1, sheet.count)
  const tall = height - plot.top - plot.bottom
  const y = (value: number) => plot.top + ((highest - value) / (highest - lowest)) * tall
  const x = (at: number) => plot.left + (at + 0.5) * step
  return {
    plot,
    step,
    ticks: values.map((value, at) => ({ value, y: crisp(y(value)), text: texts[at] ?? '' })),
    labels: sheet.labels(width - plot.left).flatMap((text, at) => {
      if (!text) return []
      return [placed(x(at), text, width)]
    }),
    ground: crisp(y(0)),
    shapes: [...bars(sheet, plot, step, y), ...courses(sheet.marks, x, y)],
    valueAt: (y) => highest - ((y - plot.top) / tall) * (highest - lowest),
  }
}

/** Pixels that half of a text below the axis takes. */
const HALF_TEXT = 26

function placed(x: number, text: string, width: number): Layout['labels'][number] {
  const isLast = x + HALF_TEXT > width
  return { x: isLast ? width : x, text, anchor: isLast ? 'end' : 'middle' }
}

/** In the middle of a pixel, where a hairline is one. */
function crisp(y: number): number {
  return Math.round(y - 0.5) + 0.5
}

/** The lowest and the highest that is drawn; zero is always among it, or heights would mislead. */
export function extent(marks: Mark[]): [number, number] {
  let [lowest, highest] = [0, 0]
  const reach = (value: number | null | undefined) => {
    if (value == null || !Number.isFinite(value)) return
    lowest = Math.min(lowest, value)
    highest = Math.max(highest, value)
  }
  for (const { base, top } of stacked(marks).flatMap(({ pieces }) => pieces)) {
    reach(base)
    reach(top)
  }
  for (const mark of marks) {
    if (mark.kind === 'line') mark.values.forEach(reach)
    else if (mark.kind === 'band') [...mark.low, ...mark.high].forEach(reach)
  }
  return [lowest, highest]
}

/** Lines that an axis has, at most, beside the lowest. */
const TICKS_MAX = 5

/** Round values from the lowest to the highest, evenly apart. */
export function niceTicks(lowest: number, highest: number, isWhole = false): number[] {
  if (highest === lowest) return niceTicks(lowest, lowest + 1, isWhole)
  const span = highest - lowest
  const power = 10 ** Math.floor(Math.log10(span / TICKS_MAX))
  const fitting = [1, 2, 5, 10].find((factor) => span / (factor * power) <= TICKS_MAX) ?? 10
  const step = isWhole ? Math.max(1, fitting * power) : fitting * power
  // A hair, so that 0.3 / 0.1 is three.
  const first = Math.floor(lowest / step + 1e-9)
  const last = Math.max(first + 1, Math.ceil(highest / step - 1e-9))
  return Array.from({ length: last - first + 1 }, (_, at) => tidy((first + at) * step))
}

/** Without the dust of binary fractions. */
function tidy(value: number): number {
  return Number(value.toPrecision(12))
}

/** The bars at a place that reach over a value, e.g. the one under the pointer. */
export function barAt(marks: Mark[], at: number, value: number): string | null {
  const covers = (piece: Piece) =>
    piece.at === at &&
    value >= Math.min(piece.base, piece.top) &&
    value <= Math.max(piece.base, piece.top)
  return stacked(marks).find(({ pieces }) => pieces.some(covers))?.mark.id ?? null
}

interface Piece {
  at: number
  base: number
  top: number
}

/** Each mark's bars with what they stand on; what is below zero hangs below it. */
function stacked(marks: Mark[]): { mark: Bars; pieces: Piece[] }[] {
  const heights = new Map<string, { up: number[]; down: number[] }>()
  return marks
    .filter((mark) => mark.kind === 'bars')
    .map((mark) => {
      const height = heights.get(mark.stack) ?? { up: [], down: [] }
      heights.set(mark.stack, height)
      const pieces = mark.values.flatMap((value, at): Piece[] => {
        if (!value) return []
        const side = value > 0 ? height.up : height.down
        const base = side[at] ?? 0
        side[at] = base + value
        return [{ at, base, top: base + value }]
      })
      return { mark, pieces }
    })
}

function bars(sheet: Sheet, plot: Plot, step: number, y: (value: number) => number): Shape[] {
  const all = stacked(sheet.marks)
  const stacks = [...new Set(all.map(({ mark }) => mark.stack))]
  const room = step * (1 - (sheet.gap ?? 0.2))
  const width = Math.min(sheet.barMax ?? 44, room / Math.max(1, stacks.length))
  return all.flatMap(({ mark, pieces }) => {
    const begin = (width * stacks.length) / -2 + stacks.indexOf(mark.stack) * width
    const rectangle = ({ at, base, top }: Piece) => {
      const left = plot.left + (at + 0.5) * step + begin
      // Whole pixels, so that no seam is seen between two bars that touch.
      const [x1, x2] = [Math.round(left), Math.max(Math.round(left) + 1, Math.round(left + width))]
      const [y1, y2] = [Math.round(y(base)), Math.round(y(top))]
      return `M${x1} ${y1}H${x2}V${y2}H${x1}Z`
    }
    const shape = (key: string, some: Piece[], paint: Paint): Shape[] =>
      some.length > 0 ? [{ key, path: some.map(rectangle).join(''), ...paint }] : []
    const isRunning = ({ at }: Piece) => at === mark.running?.at
    return [
      ...shape(
        mark.id,
        pieces.filter((piece) => !isRunning(piece)),
        mark.paint,
      ),
      ...shape(`${mark.id} running`, pieces.filter(isRunning), {
        ...mark.paint,
        ...mark.running?.paint,
      }),
    ]
  })
}

type Point = [x: number, y: number]

/** Lines and bands, which lie over all bars. */
function courses(marks: Mark[], x: (at: number) => number, y: (value: number) => number): Shape[] {
  const points = (values: Values) =>
    values.map((value, at): Point | null => (value === null ? null : [x(at), y(value)]))
  return marks.flatMap((mark): Shape[] => {
    if (mark.kind === 'band') return band(mark, points(mark.low), points(mark.high))
    return mark.kind === 'line' ? line(mark, points(mark.values)) : []
  })
}

function line({ id, paint, rim, dots }: Line, points: (Point | null)[]): Shape[] {
  const runs = unbroken(points)
  const path = runs.map(course).join('')
  const alone = runs.filter((run) => run.length === 1).flat()
  const dotted = dots ? runs.flat() : alone
  const radius = dots?.radius ?? 2.5
  return [
    ...(rim && path ? [{ key: `${id} rim`, path, ...rim }] : []),
    ...(path ? [{ key: id, path, ...paint }] : []),
    ...(dotted.length > 0
      ? [
          {
            key: `${id} dots`,
            path: dotted.map((point) => dot(point, radius)).join(''),
            ...(dots?.paint ?? { fill: paint.stroke, opacity: paint.opacity }),
          },
        ]
      : []),
  ]
}

function band({ id, paint, edge }: Band, low: (Point | null)[], high: (Point | null)[]): Shape[] {
  const lower = unbroken(low.map((point, at) => (high[at] ? point : null)))
  const upper = unbroken(high.map((point, at) => (low[at] ? point : null)))
  const filled = upper.map((run, at) => {
    const back = (lower[at] ?? []).toReversed().map(([x, y]) => `L${px(x)} ${px(y)}`)
    return `${course(run)}${back.join('')}Z`
  })
  if (filled.length === 0) return []
  return [
    { key: id, path: filled.join(''), ...paint },
    { key: `${id} edges`, path: [...lower, ...upper].map(course).join(''), ...edge },
  ]
}

/** The stretches without a gap. */
function unbroken(points: (Point | null)[]): Point[][] {
  const runs: Point[][] = []
  let run: Point[] = []
  for (const point of [...points, null]) {
    if (point) run.push(point)
    else if (run.length > 0) {
      runs.push(run)
      run = []
    }
  }
  return runs
}

function course(points: Point[]): string {
  return points.map(([x, y], at) => `${at === 0 ? 'M' : 'L'}${px(x)} ${px(y)}`).join('')
}

function dot([x, y]: Point, radius: number): string {
  return `M${px(x - radius)} ${px(y)}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0Z`
}

/** A tenth of a pixel is finer than a screen. */
function px(value: number): number {
  return Math.round(value * 10) / 10
}
