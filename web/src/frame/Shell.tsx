import { useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useEffect } from 'react'
import { useLocation } from 'wouter'
import { useSession } from '@/api/session'
import { followLive } from '@/live/live'
import { pageAt, titleFor } from '@/registry'
import { useLater } from '@/ui/useLater'
import { Palette } from './Palette'
import { PhoneBar } from './PhoneBar'
import { Rail } from './Rail'
import classes from './Shell.module.css'
import { Shortcuts } from './Shortcuts'
import { TopBar } from './TopBar'
import { useShortcuts } from './useShortcuts'

/** The frame around every page of somebody signed in. */
export function Shell({ children }: { children: ReactNode }) {
  const client = useQueryClient()
  const [path] = useLocation()
  const session = useSession()
  const shortcuts = useShortcuts()
  const isWhole = useLater()
  useEffect(() => followLive(client), [client])

  const page = pageAt(path, session)
  const title = page && titleFor(page, session)
  useEffect(() => {
    // A page about one thing says itself which.
    if (!page?.hasOwnTitle) document.title = title ? `${title} · Outlay` : 'Outlay'
  }, [page, title])

  return (
    <div className={classes.shell}>
      <a className={classes.skip} href="#content">
        Skip to the content
      </a>
      <Rail />
      <div className={classes.main}>
        <TopBar
          hasPeriod={page?.hasPeriod ?? false}
          hasScope={page?.hasScope ?? page?.hasPeriod ?? false}
          compares={page?.compares ?? false}
          openPalette={shortcuts.openPalette}
        />
        <main id="content" className={classes.content} tabIndex={-1}>
          {title && !page.hasOwnTitle && <h1 className={classes.title}>{title}</h1>}
          {children}
        </main>
      </div>
      {isWhole && (
        <>
          <PhoneBar />
          <Palette opened={shortcuts.opened === 'palette'} close={shortcuts.close} />
          <Shortcuts opened={shortcuts.opened === 'help'} close={shortcuts.close} />
        </>
      )}
    </div>
  )
}
