import { type KeyboardEvent, type PointerEvent, useRef, useState } from 'react'
import type { Plot } from './frame'

interface ReadingOptions {
  /** How many places the chart has, side by side. */
  count: number
  plot: Plot
  /** How wide a place is, in pixels. */
  step: number
  /** Called with the first and the last place that were dragged over. */
  onZoom?: (first: number, last: number) => void
  /** Called with the place that was pressed, and how far down in pixels. */
  onPick?: (at: number, y: number) => void
}

/** Pixels a pointer must move before it is a drag. */
const DRAG_MIN = 6

/**
 * Which place of a chart is read, by pointer or by arrow keys, and which are dragged over.
 *
 * Pointing reads a place; where the chart zooms, dragging over some zooms into them and Enter into
 * the one that is read. A finger scrolls the page instead.
 */
export function useReading({ count, plot, step, onZoom, onPick }: ReadingOptions) {
  const [at, setAt] = useState<number | null>(null)
  const [drag, setDrag] = useState<[number, number] | null>(null)
  const origin = useRef<{ x: number; index: number } | null>(null)
  const last = count - 1
  const clamped = (index: number) => Math.min(Math.max(index, 0), last)
  const indexAt = (event: PointerEvent<HTMLElement>) => {
    const x = event.clientX - event.currentTarget.getBoundingClientRect().left - plot.left
    return clamped(Math.floor(x / step))
  }
  const zoom = (first: number, until: number) => {
    setAt(null)
    onZoom?.(Math.min(first, until), Math.max(first, until))
  }

  const onKeyDown = (event: KeyboardEvent) => {
    // The page hears it too, and zooms back out.
    if (event.key === 'Escape') setAt(null)
    const to = { ArrowLeft: (at ?? last + 1) - 1, ArrowRight: (at ?? -1) + 1, Home: 0, End: last }[
      event.key
    ]
    if (to !== undefined) setAt(clamped(to))
    else if (event.key === 'Enter' && at !== null && onZoom) zoom(at, at)
    else return
    event.preventDefault()
  }
  const onPointerDown = (event: PointerEvent<HTMLElement>) => {
    setAt(indexAt(event))
    if (!onZoom || event.pointerType !== 'mouse' || event.button !== 0) return
    origin.current = { x: event.clientX, index: indexAt(event) }
    event.currentTarget.setPointerCapture(event.pointerId)
  }
  const onPointerMove = (event: PointerEvent<HTMLElement>) => {
    const from = origin.current
    if (from && (drag || Math.abs(event.clientX - from.x) >= DRAG_MIN))
      setDrag([from.index, indexAt(event)])
    else setAt(indexAt(event))
  }
  const letGo = () => {
    origin.current = null
    setDrag(null)
  }
  return {
    at,
    drag,
    handlers: {
      onKeyDown,
      onBlur: () => setAt(null),
      onPointerDown,
      onPointerMove,
      onPointerUp: (event: PointerEvent<HTMLElement>) => {
        if (drag) zoom(...drag)
        else if (origin.current) {
          const { top } = event.currentTarget.getBoundingClientRect()
          onPick?.(indexAt(event), event.clientY - top)
        }
        letGo()
      },
      onPointerCancel: letGo,
      onPointerLeave: () => {
        if (!origin.current) setAt(null)
      },
    },
  }
}
