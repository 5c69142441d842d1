import { useState } from 'react'
import { useHasEvents } from '@/api/usage'
import { Failure } from '@/ui/States'
import { useView } from '@/view/useView'
import { EventsPanel } from '@/widgets/EventsPanel'
import { FilterBar } from '@/widgets/FilterBar'
import { UnpricedNote } from '@/widgets/UnpricedNote'
import { BreakdownPanel } from './BreakdownPanel'
import { FirstEvent } from './FirstEvent'
import { Headlines } from './Headlines'
import { NoPasswordNote } from './NoPasswordNote'
import classes from './Overview.module.css'
import { SpendPanel } from './SpendPanel'

/** How much, is that normal, what moved it: in one look. */
export function Overview() {
  const [view] = useView()
  const hasEvents = useHasEvents()
  const [highlight, setHighlight] = useState<string | null>(null)

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
  if (hasEvents.data === false) return <FirstEvent />
  return (
    <div className={classes.page}>
      <NoPasswordNote />
      <FilterBar />
      <Headlines />
      <UnpricedNote />
      <div className={classes.pair}>
        <SpendPanel highlight={highlight} />
        <BreakdownPanel key={view.by.join()} onHover={setHighlight} />
      </div>
      <EventsPanel filters={view.filters} />
    </div>
  )
}
