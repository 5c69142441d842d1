import { useLayoutEffect, useState } from 'react'

/**
 * How wide the host is, in whole pixels; 0 until it is known. It is known before the browser paints,
 * so that a chart whose figures are there is drawn at once.
 */
export function useWidth(host: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0)
  useLayoutEffect(() => {
    if (!host.current) return
    setWidth(host.current.clientWidth)
    const observer = new ResizeObserver(([entry]) =>
      setWidth(Math.floor(entry?.contentRect.width ?? 0)),
    )
    observer.observe(host.current)
    return () => observer.disconnect()
  }, [host])
  return width
}
