import { useDeferredValue } from 'react'

/**
 * Whether the rest is drawn too: not at first, then right behind it. What is seen at once stands on
 * the screen before what is below it takes its time; that can be interrupted, and what is pressed
 * meanwhile is answered.
 */
export function useLater(): boolean {
  return useDeferredValue(true, false)
}
