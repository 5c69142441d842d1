import { useEffect } from 'react'

let count = 0

/** Whether somebody has written something on this page that is kept nowhere yet. */
export function hasUnsaved(): boolean {
  return count > 0
}

function warn(event: BeforeUnloadEvent) {
  event.preventDefault()
}

/** Marks what stands here as unsaved, so that leaving the page asks first. */
export function useUnsaved(isUnsaved: boolean) {
  useEffect(() => {
    if (!isUnsaved) return
    count += 1
    if (count === 1) window.addEventListener('beforeunload', warn)
    return () => {
      count -= 1
      if (count === 0) window.removeEventListener('beforeunload', warn)
    }
  }, [isUnsaved])
}
