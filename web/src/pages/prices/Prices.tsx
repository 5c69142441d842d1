import { Link } from 'wouter'
import { usePrices } from '@/api/prices'
import { Panel } from '@/ui/Panel'
import { Failure, TableSkeleton } from '@/ui/States'
import { useParam } from '@/view/useParam'
import { PriceList } from './PriceList'
import classes from './Prices.module.css'
import { QuotePanel } from './QuotePanel'
import { UnpricedPanel } from './UnpricedPanel'

/** What units cost, what has no price, and what a call would cost. */
export default function Prices() {
  const [view] = useParam('view')
  return (
    <div className={classes.page}>
      <UnpricedPanel isAsked={view === UNPRICED} />
      {view === UNPRICED ? <Link href="/prices">All prices</Link> : <PricesAndQuotes />}
    </div>
  )
}

/** The view that alerts lead to: what has no price, and nothing else. */
const UNPRICED = 'unpriced'

function PricesAndQuotes() {
  const prices = usePrices()
  return (
    <div className={classes.pair}>
      {prices.data ? (
        <PriceList prices={prices.data} />
      ) : (
        <Panel title="Price list" flush>
          {prices.isError ? (
            <Failure what="The price list" error={prices.error} retry={prices.refetch} />
          ) : (
            <TableSkeleton rows={12} label="The price list is loading" />
          )}
        </Panel>
      )}
      <QuotePanel prices={prices.data ?? []} />
    </div>
  )
}
