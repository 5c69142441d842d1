import { Suspense } from 'react'
import { lazyPart } from '@/ui/lazyPart'
import type { PanelMenuProps } from './PanelMenu'

const PanelMenu = lazyPart<PanelMenuProps>(async () => {
  const part = await import('./PanelMenu')
  return { default: part.PanelMenu }
})

/** The menu of a panel with a script of its own, for pages that are drawn before it is there. */
export function PanelMenuLater(props: PanelMenuProps) {
  return (
    <Suspense fallback={<span style={{ width: 28 }} />}>
      <PanelMenu {...props} />
    </Suspense>
  )
}
