import { useLayOut, usePins } from '@/api/views'

/** Views on one overview, at most. */
export const PINS_MAX = 24

/** Whether a view stands on one's own overview, and a way to put it there or to take it away. */
export function usePinning(id: string) {
  const pins = usePins()
  const layOut = useLayOut()
  const all = pins.data ?? []
  const isPinned = all.some(({ view }) => view === id)
  return {
    isPinned,
    /** Whether it can be said where it stands, and there is room for it. */
    isReady: pins.data !== undefined && (isPinned || all.length < PINS_MAX),
    error: layOut.error,
    toggle: () =>
      layOut.mutate(
        isPinned ? all.filter(({ view }) => view !== id) : [...all, { view: id, size: 'half' }],
      ),
  }
}
