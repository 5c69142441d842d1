import { useCallback, useEffect, useRef } from 'react'
import { OTHER_KEY } from '@/lib/colour'
import { type Attribute, type Filter, withOnly } from '@/lib/filters'
import type { Period } from '@/lib/period'
import type { Series } from '@/lib/series'
import { addDays, dayOf, type Range, startOfDay } from '@/lib/time'
import { useScene, useView } from './useView'

/** Zooming into a chart narrows the period, and the filters where told; Escape goes back, step by step. */
export function useZoom() {
  const [view, changeView] = useView()
  const { tz } = useScene()
  const before = useRef<Pick<typeof view, 'period' | 'every' | 'filters'>[]>([])

  const zoom = useCallback(
    (range: Range, filters: Filter[] = view.filters) => {
      const { period, every, filters: was } = view
      before.current.push({ period, every, filters: was })
      changeView({ period: periodOf(range, tz), every: null, filters })
    },
    [view, tz, changeView],
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

/** What a press on a part of a bar does: it narrows the page to that time and, if it has one, that name. */
export function useDrill(by: Attribute[], zoom: ReturnType<typeof useZoom>) {
  const [{ filters }] = useView()
  return useCallback(
    ({ key, names }: Series, range: Range) => {
      const only = (all: Filter[], attribute: Attribute, at: number) =>
        withOnly(all, attribute, names[at] ?? '')
      zoom(range, key === OTHER_KEY ? filters : by.reduce(only, filters))
    },
    [by, filters, zoom],
  )
}
