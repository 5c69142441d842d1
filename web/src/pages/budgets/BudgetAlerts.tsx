import { Link } from 'wouter'
import { useAlerts } from '@/api/alerts'
import { formatAgo } from '@/lib/time'
import { Loaded } from '@/ui/Loaded'
import { Panel } from '@/ui/Panel'
import { sentence } from '@/ui/States'
import { useNow } from '@/ui/useNow'
import classes from './BudgetPage.module.css'

/** The alerts that wait because of a budget. */
export function BudgetAlerts({ id }: { id: string }) {
  const now = useNow()
  const alerts = useAlerts('open', null, null)
  const open = (alerts.data?.pages ?? [])
    .flatMap(({ items }) => items)
    .filter(({ link }) => link?.to === 'budget' && link.id === id)
  return (
    <Panel title="Its alerts">
      <Loaded
        query={alerts}
        what="The alerts"
        rows={2}
        isEmpty={() => open.length === 0}
        empty={<p className="muted">No alert about it waits.</p>}
      >
        {() => (
          <ul className={classes.list} aria-label="Open alerts">
            {open.map((alert) => (
              <li key={alert.id}>
                <Link href="/alerts">{alert.title}</Link>
                <span className="muted small">{sentence(alert.detail)}</span>
                <span className="muted small">
                  Opened {formatAgo(new Date(alert.opened_at), now)}
                </span>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Panel>
  )
}
