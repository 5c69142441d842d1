import { useMemo } from 'react'
import { useHolds } from '@/api/credit'
import { parseAmount } from '@/lib/amount'
import { HOLD_STATES } from '@/lib/credit'
import { formatMoment } from '@/lib/time'
import { Money } from '@/ui/Figures'
import { Loaded } from '@/ui/Loaded'
import { Empty } from '@/ui/States'
import { useScene } from '@/view/useView'
import type { Hold } from '@/wire'
import { TwoLines } from './Cells'
import { type Column, DataTable } from './DataTable'
import { MoreButton } from './MoreButton'

/** Holds of a list that stands beside other things. */
const BRIEF = 5

interface HoldsTableProps {
  account: string
  /** Whether only the newest are shown, in little room. */
  isBrief?: boolean
}

/** What is set aside for calls in flight, and what became of what was. */
export function HoldsTable({ account, isBrief = false }: HoldsTableProps) {
  const holds = useHolds(account)
  const rows = useMemo(() => {
    const all = holds.data?.pages.flatMap(({ items }) => items) ?? []
    return isBrief ? all.slice(0, BRIEF) : all
  }, [holds.data, isBrief])
  const columns = useHoldColumns(isBrief)
  return (
    <>
      <Loaded
        query={holds}
        what="The holds"
        rows={2}
        isEmpty={() => rows.length === 0}
        empty={
          <Empty title="Nothing was set aside yet">
            <p>Whoever asks before they spend has the most that a call can cost set aside.</p>
          </Empty>
        }
      >
        {() => (
          <DataTable
            label={isBrief ? 'Newest holds' : 'Holds'}
            name="hold-"
            rows={rows}
            columns={columns}
            rowKey={({ hold }) => hold}
            rowHeight={58}
          />
        )}
      </Loaded>
      {!isBrief && <MoreButton query={holds}>Older holds</MoreButton>}
    </>
  )
}

function useHoldColumns(isBrief: boolean): Column<Hold>[] {
  const { tz } = useScene()
  return useMemo(
    () => [
      {
        id: 'hold',
        title: 'Hold',
        isHeading: true,
        text: ({ hold }) => hold,
        cell: ({ hold, state, expires_at }) => (
          <TwoLines>
            <span>{HOLD_STATES[state]}</span>
            <span>
              {hold}
              {state === 'held' && `, until ${formatMoment(new Date(expires_at), tz)}`}
            </span>
          </TwoLines>
        ),
      },
      {
        id: 'since',
        title: 'Since',
        isWide: true,
        isOptional: isBrief,
        text: ({ created_at }) => created_at,
        cell: ({ created_at }) => formatMoment(new Date(created_at), tz),
      },
      {
        id: 'amount',
        title: 'Set aside',
        isFigure: true,
        text: ({ amount }) => amount,
        cell: ({ amount, unit }) => <Money amount={parseAmount(amount)} unit={unit} />,
      },
      {
        id: 'captured',
        title: 'Taken',
        isFigure: true,
        text: ({ captured }) => captured,
        cell: ({ captured, unit, state }) =>
          state === 'captured' ? <Money amount={parseAmount(captured)} unit={unit} /> : '–',
      },
    ],
    [tz, isBrief],
  )
}
