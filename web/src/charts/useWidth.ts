import { useEffect, useState } from 'react'

/** How wide the host is, in whole pixels; 0 until it is known. */
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
