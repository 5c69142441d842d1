import { Button, SegmentedControl } from '@mantine/core'
import { IconAlertTriangle, IconInfoCircle, IconUrgent } from '@tabler/icons-react'
import { useState } from 'react'
import { Link } from 'wouter'
import { type Alert, type AlertState, type Deed, useAlerts, useSeeTo } from '@/api/alerts'
import { useSession } from '@/api/session'
import { formatAgo, formatMoment } from '@/lib/time'
import { Panel } from '@/ui/Panel'
import { Empty, Failure, messageOf, sentence, TableSkeleton } from '@/ui/States'
import { useNow } from '@/ui/useNow'
import classes from './Alerts.module.css'

const STATES: { value: string; label: string; states: AlertState[] }[] = [
  { value: 'now', label: 'Now', states: ['open', 'acknowledged'] },
  { value: 'resolved', label: 'Resolved', states: ['resolved'] },
]

const SEVERITIES = {
  critical: { word: 'Critical', Icon: IconUrgent },
  warning: { word: 'Warning', Icon: IconAlertTriangle },
  info: { word: 'Info', Icon: IconInfoCircle },
} as const

/** What holds that somebody wanted to know of, and what was done about it. */
export default function Alerts() {
  const [shown, setShown] = useState('now')
  const states = STATES.find(({ value }) => value === shown)?.states ?? ['open']
  const alerts = useAlerts(states)
  const seeTo = useSeeTo()
  return (
    <div className={classes.page}>
      <h1 className="visually-hidden">Alerts</h1>
      <Panel
        title="Alerts"
        note={alerts.data && alerts.data.open > 0 ? `${alerts.data.open} open` : undefined}
        flush
        actions={
          <SegmentedControl
            size="xs"
            aria-label="Which alerts"
            data={STATES.map(({ value, label }) => ({ value, label }))}
            value={shown}
            onChange={setShown}
          />
        }
      >
        {seeTo.isError && (
          <p role="alert" className={classes.alert}>
            {sentence(messageOf(seeTo.error))}
          </p>
        )}
        {alerts.isError && !alerts.data ? (
          <Failure what="The alerts" error={alerts.error} retry={alerts.refetch} />
        ) : !alerts.data ? (
          <TableSkeleton rows={4} label="The alerts are loading" />
        ) : alerts.data.items.length === 0 ? (
          <Empty title={shown === 'now' ? 'Nothing to see to' : 'No alert was resolved yet'}>
            {shown === 'now' &&
              'Budgets, unusual spend, new levels, usage without a price and the server itself are watched.'}
          </Empty>
        ) : (
          <ul className={classes.list}>
            {alerts.data.items.map((alert) => (
              <AlertRow
                key={alert.id}
                alert={alert}
                isBusy={seeTo.isPending}
                seeTo={(deed, hours) => seeTo.mutate({ id: alert.id, deed, hours })}
              />
            ))}
          </ul>
        )}
      </Panel>
    </div>
  )
}

interface AlertRowProps {
  alert: Alert
  isBusy: boolean
  seeTo: (deed: Deed, hours?: number) => void
}

function AlertRow({ alert, isBusy, seeTo }: AlertRowProps) {
  const { role, time_zone } = useSession()
  const tz = time_zone || 'UTC'
  const now = useNow()
  const { word, Icon } = SEVERITIES[alert.severity]
  const opened = new Date(alert.opened_at)
  const act = { size: 'compact-xs', variant: 'default', disabled: isBusy } as const
  return (
    <li className={classes.alert}>
      <span className={classes[alert.severity]}>
        <Icon size={18} aria-hidden="true" />
        <span className="visually-hidden">{word}</span>
      </span>
      <div>
        <div className={classes.title}>{alert.title}</div>
        <div className={classes.detail}>{sentence(alert.detail)}</div>
        <div className="muted small">
          <span title={formatMoment(opened, tz)}>{formatAgo(opened, now)}</span> · {alert.rule.name}{' '}
          · {fateText(alert, tz)}
          {alert.path && (
            <>
              {' · '}
              <Link href={alert.path}>The usage behind it</Link>
            </>
          )}
        </div>
      </div>
      {role === 'admin' && alert.state !== 'resolved' && (
        <div className={classes.acts}>
          {alert.state === 'open' && (
            <Button {...act} onClick={() => seeTo('acknowledge')}>
              Acknowledge
            </Button>
          )}
          <Button {...act} onClick={() => seeTo('snooze', 24)}>
            Snooze a day
          </Button>
          <Button {...act} onClick={() => seeTo('resolve')}>
            Resolve
          </Button>
        </div>
      )}
    </li>
  )
}

function fateText(alert: Alert, tz: string): string {
  if (alert.state === 'resolved') {
    return alert.resolved_by ? `closed by ${alert.resolved_by}` : 'over by itself'
  }
  const seen = alert.acknowledged_by ? `seen by ${alert.acknowledged_by}` : 'open'
  const { snoozed_until } = alert
  return snoozed_until ? `${seen}, silent until ${formatMoment(new Date(snoozed_until), tz)}` : seen
}
