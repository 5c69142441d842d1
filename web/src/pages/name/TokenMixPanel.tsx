import { useUsage } from '@/api/usage'
import { slotVariable } from '@/lib/colour'
import type { Filter } from '@/lib/filters'
import type { Measure } from '@/lib/measures'
import { TOKEN_CLASSES, tokenMix } from '@/lib/mix'
import { formatCount, formatCountExactly, formatShare } from '@/lib/number'
import { Panel } from '@/ui/Panel'
import { Swatch } from '@/ui/Swatch'
import { useScene } from '@/view/useView'
import classes from './TokenMixPanel.module.css'

const MEASURES: Measure[] = ['tokens', ...TOKEN_CLASSES.map(([measure]) => measure)]

/** What tokens are made of: read, cached, written. */
export function TokenMixPanel({ filters }: { filters: Filter[] }) {
  const { range, tz } = useScene()
  const { data } = useUsage('total', { range, tz, filters, measures: MEASURES })
  const parts = data ? tokenMix(data.total) : []
  if (parts.length === 0) return null
  return (
    <Panel title="Token mix">
      <div className={classes.bar} aria-hidden="true">
        {parts.map(({ label, share }, at) => (
          <span
            key={label}
            style={{ flexGrow: Math.max(share, 1), background: slotVariable(at) }}
          />
        ))}
      </div>
      <dl className={classes.parts}>
        {parts.map(({ label, tokens, share }, at) => (
          <div key={label}>
            <dt>
              <Swatch slot={at} /> {label}
            </dt>
            <dd title={formatCountExactly(tokens)}>
              <span className="number">{formatCount(tokens)}</span>{' '}
              <span className="muted number">{formatShare(share)}</span>
            </dd>
          </div>
        ))}
      </dl>
    </Panel>
  )
}
