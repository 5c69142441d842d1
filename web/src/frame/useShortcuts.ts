import { useMantineColorScheme } from '@mantine/core'
import { useCallback, useEffect, useRef, useState } from 'react'
import { useLocation } from 'wouter'
import { useSession } from '@/api/session'
import { pagesFor } from '@/registry'
import { linkCarrying, useView } from '@/view/useView'

/** How long `g` waits for the letter of a page. */
const CHORD_MS = 1_200

type Opened = 'palette' | 'help' | null

/** The keys that work on every page, and what they have opened. */
export function useShortcuts() {
  const [opened, setOpened] = useState<Opened>(null)
  const [, navigate] = useLocation()
  const [view, changeView] = useView()
  const session = useSession()
  const { toggleColorScheme } = useMantineColorScheme()
  const chord = useRef(0)
  const act = useRef<(key: string) => boolean>(() => false)

  act.current = (key) => {
    if (Date.now() - chord.current < CHORD_MS) {
      chord.current = 0
      const page = pagesFor(session).find((page) => page.key === key)
      if (page) navigate(linkCarrying(page.path, view))
      return page !== undefined
    }
    switch (key) {
      case '/':
        setOpened('palette')
        return true
      case '?':
        setOpened('help')
        return true
      case 'g':
        chord.current = Date.now()
        return true
      case 'c':
        changeView({ compare: !view.compare }, { replace: true })
        return true
      case 't':
        toggleColorScheme()
        return true
      default:
        return false
    }
  }

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const withMeta = (event.metaKey || event.ctrlKey) && event.key.toLowerCase() === 'k'
      if (!withMeta && (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)))
        return
      if (act.current(withMeta ? '/' : event.key)) event.preventDefault()
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [])

  const close = useCallback(() => setOpened(null), [])
  const openPalette = useCallback(() => setOpened('palette'), [])
  return { opened, close, openPalette }
}

/** Whether keys belong to a field, or to a dialog that is open, and not to the page. */
function isWriting(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  return (
    target.closest(
      'input, textarea, select, [contenteditable], [role="dialog"], [role="listbox"]',
    ) !== null
  )
}
