import { Button } from '@mantine/core'
import { useMemo, useState } from 'react'
import { type Posting, usePostings } from '@/api/credit'
import { useSession } from '@/api/session'
import { type Precision, parseAmount, precisionOf } from '@/lib/amount'
import { canBeRefunded, changeOf, POSTED, type PostedChange } from '@/lib/credit'
import { formatMoment } from '@/lib/time'
import { Money } from '@/ui/Figures'
import { Loaded } from '@/ui/Loaded'
import { Panel } from '@/ui/Panel'
import { Empty } from '@/ui/States'
import { useScene } from '@/view/useView'
import { RowActs, TwoLines } from '@/widgets/Cells'
import { type Column, DataTable } from '@/widgets/DataTable'
import { MoreButton } from '@/widgets/MoreButton'
import { TableCsv } from '@/widgets/TableActions'
import classes from './Credits.module.css'
import { RefundDrawer } from './RefundDrawer'

/** All that was posted, the newest first, with what the account had after each. */
export function LedgerPanel({ account }: { account: string }) {
  const { role } = useSession()
  const postings = usePostings(account)
  const rows = useMemo(
    () => postings.data?.pages.flatMap(({ items }) => items) ?? [],
    [postings.data],
  )
  const [refunded, refund] = useState<Posting | null>(null)
  const columns = usePostingColumns(rows, role === 'admin' ? refund : null)
  return (
    <Panel
      title="Ledger"
      note="The newest first; nothing in it is ever changed"
      flush
      actions={
        rows.length > 0 && (
          <TableCsv
            rows={rows}
            columns={columns}
            file={`outlay-ledger-${account}`}
            label="Save the lines that are shown as CSV"
          />
        )
      }
    >
      <Loaded
        query={postings}
        what="The ledger"
        rows={5}
        isEmpty={() => rows.length === 0}
        empty={<Empty title="Nothing was posted yet" />}
      >
        {() => (
          <DataTable
            label="Ledger"
            name="ledger-"
            rows={rows}
            columns={columns}
            rowKey={({ number }) => String(number)}
            rowHeight={58}
          />
        )}
      </Loaded>
      <MoreButton query={postings}>Older lines</MoreButton>
      <RefundDrawer account={account} posting={refunded} close={() => refund(null)} />
    </Panel>
  )
}

function usePostingColumns(
  rows: Posting[],
  refund: ((posting: Posting) => void) | null,
): Column<Posting>[] {
  const { tz } = useScene()
  return useMemo(() => {
    const precision = precisionOf(rows.map(({ amount }) => parseAmount(amount)))
    const part = (title: string, of: keyof PostedChange, isWide = false): Column<Posting> => ({
      id: of,
      title,
      isFigure: true,
      isWide,
      text: ({ balance }) => balance[of],
      cell: (posting) => <After posting={posting} of={of} precision={precision} />,
    })
    const columns: Column<Posting>[] = [
      {
        id: 'what',
        title: 'What',
        isHeading: true,
        className: classes.what,
        text: ({ kind }) => kind,
        cell: (posting) => (
          <TwoLines>
            <span>{POSTED[posting.kind]}</span>
            <span>{about(posting)}</span>
          </TwoLines>
        ),
      },
      {
        id: 'at',
        title: 'When',
        isWide: true,
        text: ({ at }) => at,
        cell: ({ at }) => formatMoment(new Date(at), tz),
      },
      part('Settled', 'settled', true),
      part('Held', 'held', true),
      part('Available', 'available'),
    ]
    if (!refund) return columns
    return [
      ...columns,
      {
        id: 'acts',
        title: 'Act',
        hidesTitle: true,
        cell: (posting) =>
          canBeRefunded(posting) && (
            <RowActs>
              <Button size="compact-xs" variant="default" onClick={() => refund(posting)}>
                Refund
              </Button>
            </RowActs>
          ),
      },
    ]
  }, [rows, refund, tz])
}

interface AfterProps {
  posting: Posting
  of: keyof PostedChange
  precision: Precision
}

/** What the account had after a posting, and by how much that changed it. */
function After({ posting, of, precision }: AfterProps) {
  const { balance, unit } = posting
  const change = changeOf(posting)[of]
  return (
    <TwoLines>
      <Money amount={parseAmount(balance[of])} unit={unit} precision={precision} />
      <span>
        {change !== 0n && <Money amount={change} unit={unit} precision={precision} isChange />}
      </span>
    </TwoLines>
  )
}

/** Its number, and what it is about: an event, another line, or the id that it was asked for by. */
function about({ number, event, of, id }: Posting): string {
  const parts = [event, of !== null && `of line ${of}`, id].filter(Boolean)
  return [`Line ${number}`, ...parts].join(', ')
}
