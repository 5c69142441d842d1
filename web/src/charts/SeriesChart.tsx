import { useComputedColorScheme } from '@mantine/core'
import { type KeyboardEvent, type PointerEvent, useEffect, useRef, useState } from 'react'
import type { Theme } from '@/lib/colour'
import { bucketEnd, formatBucketInFull, type Range } from '@/lib/time'
import { ChartTooltip, readOut } from './ChartTooltip'
import { inksOf, useEngine, useWidth } from './canvas'
import type { Engine } from './engine'
import { chartOption, type Drawing, plotFor } from './option'
import classes from './SeriesChart.module.css'

interface SeriesChartProps extends Drawing {
  /** What the chart shows, in a sentence for those who do not see it. */
  label: string
  height: number
  /** Called with what was dragged over. */
  onZoom: (range: Range) => void
}

/** Pixels a pointer must move before it is a drag. */
const DRAG_MIN = 6

/** Stacked bars, or lines for what does not add up, with the period before as a dashed line. */
export function SeriesChart({ label, height, onZoom, ...drawing }: SeriesChartProps) {
  const host = useRef<HTMLDivElement>(null)
  const { engine, failed } = useEngine(host)
  const width = useWidth(host)
  const theme = useComputedColorScheme('light')
  const [at, setAt] = useState<number | null>(null)
  const [drag, setDrag] = useState<[number, number] | null>(null)
  const { starts } = drawing.table

  useDrawing(engine, drawing, width, height, theme)

  const plot = plotFor(width)
  const step = (width - plot.left - plot.right) / Math.max(1, starts.length)
  const indexAt = (event: PointerEvent<HTMLElement>): number => {
    const x = event.clientX - event.currentTarget.getBoundingClientRect().left - plot.left
    return Math.min(Math.max(Math.floor(x / step), 0), starts.length - 1)
  }
  const zoomTo = (first: number, last: number) => {
    const [from, until] = [starts[Math.min(first, last)], starts[Math.max(first, last)]]
    if (!from || !until) return
    setAt(null)
    onZoom({ from, to: bucketEnd(until, drawing.every, drawing.tz) })
  }
  const pointer = useDrag({ indexAt, setAt, setDrag, drag, zoomTo })
  const onKeyDown = (event: KeyboardEvent) => {
    // The page hears it too, and zooms back out.
    if (event.key === 'Escape') setAt(null)
    const last = starts.length - 1
    const to = { ArrowLeft: (at ?? last + 1) - 1, ArrowRight: (at ?? -1) + 1, Home: 0, End: last }[
      event.key
    ]
    if (to !== undefined) setAt(Math.min(Math.max(to, 0), last))
    else if (event.key === 'Enter' && at !== null) zoomTo(at, at)
    else return
    event.preventDefault()
  }

  const start = at === null ? undefined : starts[at]
  return (
    <div className={classes.frame} style={{ height }}>
      <div ref={host} className={classes.canvas} aria-hidden="true" />
      {!engine && !failed && <ChartSkeleton height={height} />}
      {failed && (
        <p className={classes.failed}>
          The chart could not be drawn. The table has the same figures.
        </p>
      )}
      <div
        className={classes.surface}
        role="slider"
        tabIndex={0}
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, starts.length - 1)}
        aria-valuenow={at ?? Math.max(0, starts.length - 1)}
        aria-valuetext={start ? readOut(drawing, at ?? 0) : 'Arrow keys read it bar by bar'}
        onKeyDown={onKeyDown}
        onBlur={() => setAt(null)}
        {...pointer}
      >
        {start && !drag && (
          <div
            className={classes.band}
            style={{
              left: plot.left + (at ?? 0) * step,
              width: step,
              top: plot.top,
              bottom: plot.bottom,
            }}
          />
        )}
        {drag && (
          <div
            className={classes.drag}
            style={{
              left: plot.left + Math.min(...drag) * step,
              width: (Math.abs(drag[1] - drag[0]) + 1) * step,
              top: plot.top,
              bottom: plot.bottom,
            }}
          />
        )}
      </div>
      {start && at !== null && !drag && (
        <ChartTooltip
          {...drawing}
          at={at}
          title={formatBucketInFull(start, drawing.every, drawing.tz)}
          x={plot.left + (at + 0.5) * step}
          width={width}
        />
      )}
    </div>
  )
}

/** Draws anew when what is drawn has changed, and not when a pointer moves over it. */
function useDrawing(
  engine: Engine | null,
  { table, previous, measure, every, tz, now, currency, highlight }: Drawing,
  width: number,
  height: number,
  theme: Theme,
) {
  useEffect(() => {
    if (!engine || width === 0) return
    const drawing = { table, previous, measure, every, tz, now, currency, highlight }
    engine.resize({ width, height })
    engine.setOption(chartOption(drawing, width, inksOf(theme)), { replaceMerge: ['series'] })
  }, [engine, width, height, theme, table, previous, measure, every, tz, now, currency, highlight])
}

interface DragOptions {
  indexAt: (event: PointerEvent<HTMLElement>) => number
  setAt: (at: number | null) => void
  drag: [number, number] | null
  setDrag: (drag: [number, number] | null) => void
  zoomTo: (first: number, last: number) => void
}

/** Pointing shows a bucket; dragging over some zooms into them. A finger scrolls the page instead. */
function useDrag({ indexAt, setAt, drag, setDrag, zoomTo }: DragOptions) {
  const origin = useRef<{ x: number; index: number } | null>(null)
  return {
    onPointerDown: (event: PointerEvent<HTMLElement>) => {
      setAt(indexAt(event))
      if (event.pointerType !== 'mouse' || event.button !== 0) return
      origin.current = { x: event.clientX, index: indexAt(event) }
      event.currentTarget.setPointerCapture(event.pointerId)
    },
    onPointerMove: (event: PointerEvent<HTMLElement>) => {
      const from = origin.current
      if (from && (drag || Math.abs(event.clientX - from.x) >= DRAG_MIN))
        setDrag([from.index, indexAt(event)])
      else setAt(indexAt(event))
    },
    onPointerUp: () => {
      origin.current = null
      if (drag) zoomTo(...drag)
      setDrag(null)
    },
    onPointerCancel: () => {
      origin.current = null
      setDrag(null)
    },
    onPointerLeave: () => {
      if (!origin.current) setAt(null)
    },
  }
}

const HEIGHTS = [
  38, 52, 46, 64, 58, 30, 26, 55, 66, 60, 72, 68, 40, 34, 62, 70, 76, 66, 80, 48, 42, 74,
]

/** Grey bars where the bars will be. */
export function ChartSkeleton({ height }: { height: number }) {
  return (
    <div className={classes.skeleton} style={{ height }} role="status">
      <span className="visually-hidden">The chart is loading</span>
      {HEIGHTS.map((size, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the bars never change
        <span key={at} style={{ height: `${size}%` }} />
      ))}
    </div>
  )
}
