import { useMemo } from 'react'
import { type UnpricedModel, useUnpriced } from '@/api/prices'
import { useSession } from '@/api/session'
import { setPriceCommand } from '@/lib/commands'
import { formatCount, formatCountExactly } from '@/lib/number'
import { rangeOf } from '@/lib/period'
import { CopyButton } from '@/ui/CopyBlock'
import { Panel } from '@/ui/Panel'
import { Empty, Failure, TableSkeleton } from '@/ui/States'
import table from '@/ui/table.module.css'
import { useNow } from '@/ui/useNow'
import classes from './Prices.module.css'

interface UnpricedPanelProps {
  /** Whether the list is what people came for, so that its being empty is worth a word. */
  isAsked: boolean
}

/** Models that were used lately and have no price, each with the command that gives it one. */
export function UnpricedPanel({ isAsked }: UnpricedPanelProps) {
  const { time_zone } = useSession()
  const now = useNow()
  const tz = time_zone || 'UTC'
  const range = useMemo(() => rangeOf({ kind: 'preset', preset: '90d' }, now, tz), [now, tz])
  const unpriced = useUnpriced(range)
  if (unpriced.isError) {
    return <Failure what="Unpriced usage" error={unpriced.error} retry={unpriced.refetch} />
  }
  if (!unpriced.data?.length) return isAsked ? <NoneUnpriced isKnown={!!unpriced.data} /> : null
  return (
    <Panel
      title={TITLE}
      note="Last 90 days. Their events are kept, counted, and not in spend."
      flush
    >
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col">Model</th>
            <th scope="col" className={table.right}>
              Events
            </th>
            <th scope="col">
              <span className="visually-hidden">Remedy</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {unpriced.data.map((one) => (
            <tr key={`${one.provider}\n${one.model}`}>
              <th scope="row">
                {one.model ?? 'no model'} <span className="muted">{one.provider}</span>
              </th>
              <td className={table.right} title={formatCountExactly(one.events)}>
                {formatCount(one.events)}
              </td>
              <td className={`${table.right} ${classes.commandCell}`}>
                <div className={classes.command}>
                  <code className={classes.wide}>{setPriceCommand(one.provider, one.model)}</code>
                  <CopyButton
                    text={setPriceCommand(one.provider, one.model)}
                    label={remedyLabel(one)}
                  />
                </div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className={`${classes.remedy} muted small`}>
        Copy gives the command for the server's shell. Usage is rated with the price from the moment
        it is valid; <code>outlay prices rerate</code> rates what was there before.
      </p>
    </Panel>
  )
}

const TITLE = 'Used without a price'

function NoneUnpriced({ isKnown }: { isKnown: boolean }) {
  return (
    <Panel title={TITLE} note="Last 90 days" flush>
      {isKnown ? (
        <Empty title="Everything that was used has a price" />
      ) : (
        <TableSkeleton rows={4} label="What has no price is loading" />
      )}
    </Panel>
  )
}

function remedyLabel({ model }: UnpricedModel): string {
  return `command that prices ${model ?? 'it'}`
}
