import { useEffect, useState } from 'react'
import type { Theme } from '@/lib/colour'
import type { Engine } from './engine'
import type { Inks } from './frame'

/** The engine on its host; it is loaded by itself, after the page stands. */
export function useEngine(host: { current: HTMLDivElement | null }) {
  const [engine, setEngine] = useState<Engine | null>(null)
  const [failed, setFailed] = useState(false)
  useEffect(() => {
    let made: Engine | null = null
    let gone = false
    import('./engine')
      .then(({ createEngine }) => {
        if (gone || !host.current) return
        made = createEngine(host.current)
        setEngine(made)
      })
      .catch(() => setFailed(true))
    return () => {
      gone = true
      made?.dispose()
      setEngine(null)
    }
  }, [host])
  return { engine, failed }
}

/** How wide the host is, in whole pixels. */
export function useWidth(host: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0)
  useEffect(() => {
    if (!host.current) return
    const observer = new ResizeObserver(([entry]) =>
      setWidth(Math.floor(entry?.contentRect.width ?? 0)),
    )
    observer.observe(host.current)
    return () => observer.disconnect()
  }, [host])
  return width
}

/** The theme's colours, for what is not drawn by CSS. */
export function inksOf(theme: Theme): Inks {
  const style = getComputedStyle(document.documentElement)
  const ink = (name: string) => style.getPropertyValue(name).trim()
  return {
    theme,
    text: ink('--ink-2'),
    line: ink('--line'),
    strong: ink('--line-strong'),
    accent: ink('--accent'),
    bad: ink('--bad'),
    surface: ink('--surface'),
  }
}
