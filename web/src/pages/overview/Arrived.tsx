import { Button } from '@mantine/core'
import { useMemo } from 'react'
import { useEvents } from '@/api/usage'
import { formatAmountExactly, parseAmount } from '@/lib/amount'
import { rangeOf } from '@/lib/period'
import { Panel } from '@/ui/Panel'
import { TableSkeleton } from '@/ui/States'
import { useScene } from '@/view/useView'
import { Quantities } from '@/widgets/Quantities'
import classes from './FirstEvent.module.css'

/** The first event, with what it used times what that costs. */
export function Arrived({ done }: { done: () => void }) {
  const { tz, now, currency } = useScene()
  const range = useMemo(() => rangeOf({ kind: 'preset', preset: '12m' }, now, tz), [now, tz])
  const events = useEvents({ range, filters: NONE, limit: 1 })
  const event = events.data?.pages[0]?.items[0]
  return (
    <Panel
      title={event?.model ?? event?.service ?? 'The first event'}
      note={event?.provider}
      actions={
        <Button size="xs" onClick={done}>
          To the overview
        </Button>
      }
    >
      {event ? (
        <div data-event={event.id}>
          <p className={classes.amount}>
            {event.amount === null
              ? 'unpriced'
              : formatAmountExactly(parseAmount(event.amount), currency)}
          </p>
          <Quantities event={event} />
        </div>
      ) : (
        <TableSkeleton rows={2} label="The event is loading" />
      )}
    </Panel>
  )
}

const NONE: never[] = []
