import { Link } from 'wouter'
import { usePrices } from '@/api/prices'
import { Loaded } from '@/ui/Loaded'
import { Panel } from '@/ui/Panel'
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
          <Loaded query={prices} what="The price list" rows={12}>
            {() => null}
          </Loaded>
        </Panel>
      )}
      <QuotePanel prices={prices.data ?? []} />
    </div>
  )
}
