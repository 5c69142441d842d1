import { useCallback, useMemo, useRef } from 'react'
import { useUnpricedUsage } from '@/api/prices'
import { useSession } from '@/api/session'
import { rangeOf } from '@/lib/period'
import type { Unpriced } from '@/lib/remedy'
import { Panel } from '@/ui/Panel'
import { Empty, Failure, TableSkeleton } from '@/ui/States'
import { useNow } from '@/ui/useNow'
import { useParam } from '@/view/useParam'
import { DataTable } from '@/widgets/DataTable'
import classes from './Prices.module.css'
import { RemedyDrawer } from './RemedyDrawer'
import { useUnpricedColumns } from './useUnpricedColumns'

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
  const isAdmin = role === 'admin'
  const models = useMemo(() => unpriced.data?.items ?? [], [unpriced.data])
  const setPrices = useCallback((one: Unpriced) => ask(nameOf(one)), [ask])
  const columns = useUnpricedColumns(tz, isAdmin ? setPrices : undefined)
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
  return (
    <Panel
      title={TITLE}
      note={`Last 90 days${unpriced.data?.is_cut ? ', the newest events' : ''}. What has a price is charged; the rest is kept, counted, and not in spend.`}
      flush
    >
      <DataTable
        label={TITLE}
        name="unpriced."
        rows={models}
        columns={columns}
        rowKey={({ provider, service, model }) => `${provider}\n${service}\n${model}`}
      />
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
