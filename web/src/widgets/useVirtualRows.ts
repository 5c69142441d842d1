import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react'
import { type Slice, visibleSlice } from '@/lib/table'
import { useLater } from '@/ui/useLater'

/** How high a row of a long table is, in pixels. */
export const ROW_HEIGHT = 37
/** Shorter tables are drawn whole, so that the browser finds every word in them. */
export const VIRTUAL_FROM = 200
/** Rows above and below the screen that are drawn all the same. */
const SPARE = 15

/** What is drawn of any table before it is known what the window shows of it: a window full. */
function windowful(rowHeight: number): number {
  return Math.ceil(window.innerHeight / rowHeight)
}

/** Which rows of a table are drawn: those that the window shows, and some around them. */
export function useVirtualRows(
  body: RefObject<HTMLElement | null>,
  count: number,
  rowHeight: number = ROW_HEIGHT,
) {
  const isVirtual = count > VIRTUAL_FROM
  const [slice, setSlice] = useState<Slice>(() => ({ first: 0, end: windowful(rowHeight) }))
  const isWhole = useLater()
  const wanted = useRef<number | null>(null)

  useLayoutEffect(() => {
    if (!isVirtual) return
    const look = () => {
      const top = body.current?.getBoundingClientRect().top ?? 0
      const next = visibleSlice(count, rowHeight, top, window.innerHeight, SPARE)
      setSlice((was) => (was.first === next.first && was.end === next.end ? was : next))
    }
    // At its top a table already has what is seen, and measuring it before it is painted takes long.
    if (window.scrollY > 0) look()
    const frame = requestAnimationFrame(look)
    // Whatever scrolls, the window or what is around the table, is heard on its way down.
    window.addEventListener('scroll', look, { capture: true, passive: true })
    window.addEventListener('resize', look)
    return () => {
      cancelAnimationFrame(frame)
      window.removeEventListener('scroll', look, { capture: true })
      window.removeEventListener('resize', look)
    }
  }, [isVirtual, count, body, rowHeight])

  const focus = useCallback(() => {
    const at = wanted.current
    const row = body.current?.querySelector<HTMLElement>(`[data-index="${at}"] [data-row]`)
    if (at === null || !row) return
    wanted.current = null
    row.focus()
  }, [body])
  // Without a list of what it depends on: a row that is wanted may be there after any drawing.
  useEffect(focus)

  /** Brings a row into the window, drawn or not. */
  const show = useCallback(
    (index: number) => {
      const drawn = body.current?.querySelector(`[data-index="${index}"]`)
      if (drawn) drawn.scrollIntoView({ block: 'center' })
      else if (body.current) {
        const top = body.current.getBoundingClientRect().top + index * rowHeight
        window.scrollBy({ top: top - window.innerHeight / 2 })
      }
    },
    [body, rowHeight],
  )

  const reveal = useCallback(
    (index: number) => {
      wanted.current = index
      focus()
      if (wanted.current !== null) show(index)
    },
    [focus, show],
  )

  const last = isVirtual ? slice.end : isWhole ? count : windowful(rowHeight)
  const [first, end] = [isVirtual ? Math.min(slice.first, count) : 0, Math.min(last, count)]
  return {
    first,
    end,
    before: first * rowHeight,
    after: (count - end) * rowHeight,
    reveal,
    show,
  }
}
