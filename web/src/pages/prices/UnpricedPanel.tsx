import { Button } from '@mantine/core'
import { useMemo, useRef } from 'react'
import { useUnpricedUsage } from '@/api/prices'
import { useSession } from '@/api/session'
import { formatCount, formatCountExactly, quantityNumber } from '@/lib/number'
import { rangeOf } from '@/lib/period'
import { metersOf, type Unpriced } from '@/lib/remedy'
import { formatMoment } from '@/lib/time'
import { Panel } from '@/ui/Panel'
import { Empty, Failure, TableSkeleton } from '@/ui/States'
import table from '@/ui/table.module.css'
import { useNow } from '@/ui/useNow'
import { useParam } from '@/view/useParam'
import { NameLink } from '@/widgets/NameLink'
import classes from './Prices.module.css'
import { RemedyDrawer } from './RemedyDrawer'

interface UnpricedPanelProps {
  /** Whether the list is what people came for, so that its being empty is worth a word. */
  isAsked: boolean
}

/** Models that were used lately and have no price, or none for a part; each with a form for prices. */
export function UnpricedPanel({ isAsked }: UnpricedPanelProps) {
  const { time_zone, role } = useSession()
  const [asked, ask] = useParam('price')
  const now = useNow()
  const tz = time_zone || 'UTC'
  const range = useMemo(() => rangeOf({ kind: 'preset', preset: '90d' }, now, tz), [now, tz])
  const unpriced = useUnpricedUsage(range)
  const models = unpriced.data?.items ?? []
  const listed = models.find((one) => nameOf(one) === asked)
  // Once its prices are set it is no longer listed, and what came of them is still to be read.
  const last = useRef<Unpriced | null>(null)
  if (listed) last.current = listed
  const picked = last.current && nameOf(last.current) === asked ? last.current : null
  if (unpriced.isError) {
    return <Failure what="Unpriced usage" error={unpriced.error} retry={unpriced.refetch} />
  }
  const drawer = <RemedyDrawer unpriced={picked} close={() => ask(null, { replace: true })} />
  if (models.length === 0) {
    return (
      <>
        {isAsked && <NoneUnpriced isKnown={!!unpriced.data} />}
        {drawer}
      </>
    )
  }
  const isAdmin = role === 'admin'
  return (
    <Panel
      title={TITLE}
      note={`Last 90 days${unpriced.data?.is_cut ? ', the newest events' : ''}. What has a price is charged; the rest is kept, counted, and not in spend.`}
      flush
    >
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col">Model</th>
            <th scope="col" className={classes.wide}>
              Without a price
            </th>
            <th scope="col" className={table.right}>
              Events
            </th>
            <th scope="col" className={classes.wide}>
              First
            </th>
            {isAdmin && (
              <th scope="col">
                <span className="visually-hidden">Remedy</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {models.map((one) => (
            <tr key={`${one.provider}\n${one.model}`}>
              <th scope="row" className={classes.model}>
                {one.model ? <NameLink attribute="model" name={one.model} /> : 'no model'}{' '}
                <span className="muted">{one.provider ?? one.service}</span>
              </th>
              <td className={classes.wide}>{metersText(one)}</td>
              <td className={table.right} title={eventsText(one)}>
                {formatCount(one.events)}
              </td>
              <td className={classes.wide}>{formatMoment(new Date(one.first_at), tz)}</td>
              {isAdmin && (
                <td className={table.right}>
                  <Button
                    size="compact-sm"
                    variant="default"
                    aria-label={`Set prices for ${one.model ?? one.provider ?? 'it'}`}
                    onClick={() => ask(nameOf(one))}
                  >
                    Set prices
                  </Button>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {!isAdmin && (
        <p className={`${classes.remedy} muted small`}>An admin can set prices for them here.</p>
      )}
      {drawer}
    </Panel>
  )
}

const TITLE = 'Used without a price'

function nameOf({ model, provider, service }: Unpriced): string {
  return model ?? provider ?? service ?? ''
}

function metersText(one: Unpriced): string {
  const used = (meter: string) => formatCount(quantityNumber(one.meters[meter]))
  return metersOf(one)
    .map((meter) => `${used(meter)} ${meter.replaceAll('_', ' ')}`)
    .join(', ')
}

function eventsText({ events, partly_priced }: Unpriced): string {
  const all = formatCountExactly(events)
  return partly_priced > 0
    ? `${all}, of ${formatCountExactly(partly_priced)} a part is charged`
    : all
}

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
