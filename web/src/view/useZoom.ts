import { useCallback, useEffect, useRef } from 'react'
import type { Period } from '@/lib/period'
import { addDays, dayOf, type Range, startOfDay } from '@/lib/time'
import { useScene, useView } from './useView'

/** Zooming into a chart narrows the period; Escape goes back, step by step. */
export function useZoom() {
  const [view, changeView] = useView()
  const { tz } = useScene()
  const before = useRef<Pick<typeof view, 'period' | 'every'>[]>([])

  const zoom = useCallback(
    (range: Range) => {
      before.current.push({ period: view.period, every: view.every })
      changeView({ period: periodOf(range, tz), every: null })
    },
    [view.period, view.every, tz, changeView],
  )
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.defaultPrevented || isCovered()) return
      const last = before.current.pop()
      if (last) changeView(last)
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [changeView])
  return zoom
}

/** Whole days as days, anything finer as moments. */
function periodOf({ from, to }: Range, tz: string): Period {
  const days = [from, to].every((at) => startOfDay(dayOf(at, tz), tz).getTime() === at.getTime())
  if (days) return { kind: 'custom', from: dayOf(from, tz), to: addDays(dayOf(to, tz), -1) }
  return { kind: 'custom', from: from.toISOString(), to: to.toISOString() }
}

/** Whether something is open that Escape closes first. */
function isCovered(): boolean {
  // Closed lists stay in the document, hidden.
  const layers = document.querySelectorAll('[role="dialog"], [role="listbox"]')
  return [...layers].some((layer) => layer.checkVisibility())
}
