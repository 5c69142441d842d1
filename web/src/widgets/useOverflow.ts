import { type RefObject, useEffect, useState } from 'react'

/** Whether what stands in a box is wider than the box, so that it scrolls. */
export function useOverflow(box: RefObject<HTMLElement | null>): boolean {
  const [isWider, setWider] = useState(false)
  useEffect(() => {
    const seen = box.current
    const content = seen?.firstElementChild
    if (!seen || !content) return
    const look = () => setWider(seen.scrollWidth > seen.clientWidth)
    const observer = new ResizeObserver(look)
    observer.observe(seen)
    observer.observe(content)
    return () => observer.disconnect()
  }, [box])
  return isWider
}
