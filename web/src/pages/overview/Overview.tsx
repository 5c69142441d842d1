import { Suspense, useState } from 'react'
import { useBrief } from '@/api/insights'
import { useHasEvents } from '@/api/usage'
import { usePins } from '@/api/views'
import { briefOf } from '@/lib/overview'
import { lazyPart } from '@/ui/lazyPart'
import { Failure } from '@/ui/States'
import { useLater } from '@/ui/useLater'
import { useScene, useView } from '@/view/useView'
import { EventsPanel } from '@/widgets/EventsPanel'
import { FilterBar } from '@/widgets/FilterBar'
import { UnpricedNote } from '@/widgets/UnpricedNote'
import { BreakdownPanel } from './BreakdownPanel'
import { BriefLine } from './BriefLine'
import { Headlines } from './Headlines'
import { MonthPanel } from './MonthPanel'
import { NoPasswordNote } from './NoPasswordNote'
import classes from './Overview.module.css'
import { SpendPanel } from './SpendPanel'

const FirstEvent = lazyPart(() => import('./FirstEvent'))
const PinnedViews = lazyPart(() => import('./PinnedViews'))

/** How much, is that normal, what moved it: in one look. */
export function Overview() {
  const [view] = useView()
  const hasEvents = useHasEvents()
  const pins = usePins()
  // The month stands on the screen before what is below it is drawn.
  const isWhole = useLater()
  const [highlight, setHighlight] = useState<string | null>(null)

  // Who sees the first event come in stays with it until they go on.
  const [isWaiting, setWaiting] = useState(false)
  if (hasEvents.data === false && !isWaiting) setWaiting(true)

  const brief = useBrief(briefOf(useScene()))

  if (hasEvents.isError) {
    return (
      <Failure
        what="The usage"
        error={hasEvents.error}
        retry={hasEvents.refetch}
        still="Prices and settings still work."
      />
    )
  }
  if (isWaiting) {
    return (
      <Suspense fallback={null}>
        <FirstEvent hasArrived={hasEvents.data === true} done={() => setWaiting(false)} />
      </Suspense>
    )
  }
  return (
    <div className={classes.page}>
      <NoPasswordNote />
      <FilterBar />
      <BriefLine brief={brief} />
      <div className={classes.pair}>
        <MonthPanel brief={brief.data} />
        <Headlines />
      </div>
      {isWhole && (
        <>
          <UnpricedNote />
          <div className={classes.pair}>
            <SpendPanel highlight={highlight} />
            <BreakdownPanel key={view.by.join()} onHover={setHighlight} />
          </div>
          {(pins.data?.length ?? 0) > 0 && (
            <Suspense fallback={null}>
              <PinnedViews />
            </Suspense>
          )}
          <EventsPanel filters={view.filters} />
        </>
      )}
    </div>
  )
}
