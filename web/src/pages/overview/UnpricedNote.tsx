import { IconAlertTriangle } from '@tabler/icons-react'
import { useState } from 'react'
import { Link } from 'wouter'
import { useUnpriced } from '@/api/prices'
import { useUsage } from '@/api/usage'
import { setPriceCommand } from '@/lib/commands'
import { plural } from '@/lib/number'
import { CopyBlock } from '@/ui/CopyBlock'
import { linkCarrying, useScene } from '../frame/useView'
import classes from './UnpricedNote.module.css'

const NAMED_MAX = 3

/** Says that spend is not the whole truth while some usage has no price, and how to mend it. */
export function UnpricedNote() {
  const { view, range, tz } = useScene()
  const [opened, setOpened] = useState(false)
  const total = useUsage('total', { range, tz, filters: view.filters, measures: ['unpriced'] })
  const count = Number(total.data?.total.unpriced ?? 0)
  const unpriced = useUnpriced(range, { enabled: count > 0 })
  if (count === 0) return null
  const models = unpriced.data ?? []
  const first = models[0]
  const named = models
    .slice(0, NAMED_MAX)
    .map(({ provider, model }) => model ?? provider ?? 'no model')
  const more = models.length - named.length
  return (
    <aside className={classes.note} aria-label="Unpriced usage">
      <IconAlertTriangle size={18} className={classes.icon} aria-hidden="true" />
      <div className={classes.words}>
        <p>
          <strong>{plural(count, 'event')} unpriced.</strong>{' '}
          {named.length > 0 && (
            <>
              No price is known for {named.join(', ')}
              {more > 0 && ` and ${more} more`}, so the spend here is without them.
            </>
          )}
        </p>
        {opened && first && (
          <div className={classes.remedy}>
            <p className="small">Set a price, then rate what was used again:</p>
            <CopyBlock text={setPriceCommand(first.provider, first.model)} />
          </div>
        )}
      </div>
      <div className={classes.acts}>
        {first && (
          <button
            type="button"
            className={classes.act}
            aria-expanded={opened}
            onClick={() => setOpened(!opened)}
          >
            {opened ? 'Hide' : 'How to price them'}
          </button>
        )}
        <Link className={classes.act} href={linkCarrying('/prices', view)}>
          Prices
        </Link>
      </div>
    </aside>
  )
}
