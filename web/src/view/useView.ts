import { useCallback } from 'react'
import { useLocation, useSearch } from 'wouter'
import { useSession } from '@/api/session'
import { rangeOf } from '@/lib/period'
import type { Range } from '@/lib/time'
import { carried, isOfView, readView, type View, viewQuery } from '@/lib/view'
import { useNow } from '@/ui/useNow'

/** How a change of the view goes into the browser's history. */
interface ChangeOptions {
  /** Takes the place of the present entry: for what is not worth a step back. */
  replace?: boolean
}

export type ChangeView = (change: Partial<View>, options?: ChangeOptions) => void

let read: { search: string; view: View } | null = null

/** What an address says: dozens of parts of a page ask for the same one. */
function viewOf(search: string): View {
  if (read?.search !== search) read = { search, view: readView(new URLSearchParams(search)) }
  return read.view
}

/** The view that the URL says, and a way to change it. */
export function useView(): [View, ChangeView] {
  const search = useSearch()
  const [, navigate] = useLocation()
  const view = viewOf(search)
  const change = useCallback<ChangeView>(
    (changed, options) => {
      // As it stands in the address: a name in it may have a slash or a percent sign of its own.
      const link = linkTo(window.location.pathname, { ...view, ...changed })
      // What the page alone keeps in the link stays.
      const own = [...new URLSearchParams(search)].filter(([key]) => !isOfView(key))
      const rest = new URLSearchParams(own).toString()
      navigate(rest ? `${link}${link.includes('?') ? '&' : '?'}${rest}` : link, options)
    },
    [navigate, view, search],
  )
  return [view, change]
}

export function linkTo(path: string, view: View): string {
  const query = viewQuery(view)
  return query ? `${path}?${query}` : path
}

/** The link to another page that keeps the period and the filters. */
export function linkCarrying(path: string, view: View): string {
  return linkTo(path, carried(view))
}

/** What every question on the page needs: the span, the zone, the moment and the currency. */
export interface Scene {
  view: View
  range: Range
  tz: string
  now: Date
  currency: string
}

export function useScene(): Scene {
  return useSceneOf(useView()[0])
}

const ranges = new WeakMap<View, { now: Date; tz: string; range: Range }>()

/** The span of a view, the same one for all that ask within a minute. */
function rangeFor(view: View, now: Date, tz: string): Range {
  const known = ranges.get(view)
  if (known?.now === now && known.tz === tz) return known.range
  const range = rangeOf(view.period, now, tz)
  ranges.set(view, { now, tz, range })
  return range
}

/** The same for a view that is not the page's own. */
export function useSceneOf(view: View): Scene {
  const { currency, time_zone } = useSession()
  const now = useNow()
  const tz = view.tz ?? time_zone ?? 'UTC'
  const range = rangeFor(view, now, tz)
  return { view, range, tz, now, currency }
}
