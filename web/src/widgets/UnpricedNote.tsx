import { IconAlertTriangle } from '@tabler/icons-react'
import { Link } from 'wouter'
import { useUnpriced } from '@/api/prices'
import { useSession } from '@/api/session'
import { useUsage } from '@/api/usage'
import { plural } from '@/lib/number'
import { useScene } from '@/view/useView'
import classes from './UnpricedNote.module.css'

const NAMED_MAX = 3

/** Says that spend is not the whole truth while some usage has no price, and how to mend it. */
export function UnpricedNote() {
  const { view, range, tz } = useScene()
  const { role } = useSession()
  const total = useUsage('total', { range, tz, filters: view.filters, measures: ['unpriced'] })
  const count = Number(total.data?.total.unpriced ?? 0)
  const unpriced = useUnpriced(range, { enabled: count > 0 })
  if (count === 0) return null
  const models = unpriced.data ?? []
  const named = models
    .slice(0, NAMED_MAX)
    .map(({ provider, model }) => model ?? provider ?? 'no model')
  const more = models.length - named.length
  return (
    <aside className={classes.note} aria-label="Unpriced usage">
      <IconAlertTriangle size={18} className={classes.icon} aria-hidden="true" />
      <div className={classes.words}>
        <p>
          <strong>{plural(count, 'event')} unpriced, or partly priced.</strong>{' '}
          {named.length > 0 && (
            <>
              Prices are missing for {named.join(', ')}
              {more > 0 && ` and ${more} more`}, so the spend here is without what they would cost.
            </>
          )}
        </p>
      </div>
      <div className={classes.acts}>
        <Link className={classes.act} href="/prices?view=unpriced">
          {role === 'admin' ? 'Set prices' : 'See them'}
        </Link>
      </div>
    </aside>
  )
}
