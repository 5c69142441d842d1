import { type ReactNode, useMemo, useRef } from 'react'
import { ChartSkeleton } from './ChartSkeleton'
import { Drawing } from './Drawing'
import classes from './ReadableChart.module.css'
import { barAt, layOut, type Sheet } from './sheet'
import { useReading } from './useReading'
import { useWidth } from './useWidth'

/** Where a chart's places stand, in pixels, for what is laid over it. */
export interface Places {
  left: number
  step: number
  width: number
}

interface ReadableChartProps {
  /** What the chart shows, in a sentence for those who do not see it. */
  label: string
  /** What the arrow keys step through, e.g. `day`. */
  unit: string
  height: number
  /** What is drawn. It is laid out anew when it is another one. */
  sheet: Sheet
  /** A place in words. */
  read: (at: number) => string
  tooltip: (at: number, x: number, width: number) => ReactNode
  /** What stands over the drawing and beneath the pointer. */
  overlay?: (places: Places) => ReactNode
  /** What stands over all of it and can be pressed. */
  above?: (places: Places) => ReactNode
  /** Called with the first and the last place that were dragged over. */
  onZoom?: (first: number, last: number) => void
  /** Called with the place and the bar that were pressed. */
  onPick?: (at: number, id: string) => void
}

/** A drawing that is read place by place, with the pointer or the arrow keys. */
export function ReadableChart({
  label,
  unit,
  height,
  sheet,
  read,
  tooltip,
  overlay,
  above,
  onZoom,
  onPick,
}: ReadableChartProps) {
  const host = useRef<HTMLDivElement>(null)
  const width = useWidth(host)
  const layout = useMemo(() => layOut(sheet, width, height), [sheet, width, height])
  const { count } = sheet
  const { plot, step } = layout
  const pick = (at: number, y: number) => {
    const id = barAt(sheet.marks, at, layout.valueAt(y))
    if (id !== null) onPick?.(at, id)
  }
  const { at, drag, handlers } = useReading({ count, plot, step, onZoom, onPick: pick })
  const isPlaced = width > 0

  // Fewer places may have come in than there were.
  const reads = at !== null && at < count
  const last = Math.max(0, count - 1)
  const upright = { top: plot.top, bottom: plot.bottom }
  return (
    <div ref={host} className={classes.frame} style={{ height }}>
      {isPlaced ? (
        <Drawing layout={layout} width={width} height={height} />
      ) : (
        <ChartSkeleton height={height} />
      )}
      {isPlaced && overlay?.({ left: plot.left, step, width })}
      <div
        className={classes.surface}
        data-zooms={onZoom ? true : undefined}
        role="slider"
        tabIndex={0}
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={last}
        aria-valuenow={at ?? last}
        aria-valuetext={reads ? read(at) : `Arrow keys read it ${unit} by ${unit}`}
        {...handlers}
      >
        {reads && !drag && (
          <div
            className={classes.band}
            style={{ left: plot.left + at * step, width: step, ...upright }}
          />
        )}
        {drag && (
          <div
            className={classes.drag}
            style={{
              left: plot.left + Math.min(...drag) * step,
              width: (Math.abs(drag[1] - drag[0]) + 1) * step,
              ...upright,
            }}
          />
        )}
      </div>
      {isPlaced && above?.({ left: plot.left, step, width })}
      {reads && !drag && tooltip(at, plot.left + (at + 0.5) * step, width)}
    </div>
  )
}

interface TooltipBoxProps {
  title: string
  /** Whether the place is not over yet. */
  isRunning: boolean
  /** Where the place is, and in how wide a chart: the box stands on the roomier side. */
  x: number
  width: number
  children: ReactNode
}

/** The figures of one place, beside it. */
export function TooltipBox({ title, isRunning, x, width, children }: TooltipBoxProps) {
  return (
    <div
      className={classes.tooltip}
      style={x > width * 0.6 ? { right: width - x + 14 } : { left: x + 14 }}
      aria-hidden="true"
    >
      <p className={classes.tooltipTitle}>
        {title}
        {isRunning && <em>so far</em>}
      </p>
      <table>{children}</table>
    </div>
  )
}
