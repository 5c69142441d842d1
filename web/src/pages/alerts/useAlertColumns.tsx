import { Button } from '@mantine/core'
import { useMemo } from 'react'
import { Link } from 'wouter'
import type { Alert, AlertAction, AlertState, useActOn } from '@/api/alerts'
import { useSession } from '@/api/session'
import { fateWords, SEVERITY_WORDS } from '@/lib/alerts'
import { addressOf } from '@/lib/links'
import { formatAgo, formatMoment } from '@/lib/time'
import { SnoozeButton } from '@/ui/SnoozeButton'
import { sentence } from '@/ui/States'
import { useNow } from '@/ui/useNow'
import { useView } from '@/view/useView'
import { RowActs, TwoLines } from '@/widgets/Cells'
import type { Column } from '@/widgets/DataTable'
import classes from './Alerts.module.css'
import { SEVERITIES, SeverityWord } from './SeverityWord'

/** The columns of a table of alerts in a state; admins act on those that are not over. */
export function useAlertColumns(
  actOn: ReturnType<typeof useActOn>,
  state: AlertState,
): Column<Alert>[] {
  const { role, time_zone } = useSession()
  const tz = time_zone || 'UTC'
  const now = useNow()
  const { mutate } = actOn
  const busyId = actOn.isPending ? actOn.variables.id : null
  return useMemo(() => {
    const columns: Column<Alert>[] = [
      {
        id: 'severity',
        title: 'Severity',
        className: classes.severityCell,
        order: ({ severity }) => SEVERITIES.indexOf(severity),
        text: ({ severity }) => SEVERITY_WORDS[severity],
        cell: ({ severity }) => <SeverityWord severity={severity} />,
      },
      {
        id: 'alert',
        title: 'Alert',
        isHeading: true,
        className: classes.words,
        text: ({ title }) => title,
        cell: (alert) => <AlertWords alert={alert} />,
      },
      {
        id: 'opened',
        title: 'Opened',
        isWide: true,
        order: ({ opened_at }) => Date.parse(opened_at),
        text: ({ opened_at }) => opened_at,
        hint: ({ opened_at }) => formatMoment(new Date(opened_at), tz),
        cell: ({ opened_at }) => (
          <time dateTime={opened_at} className={classes.when}>
            {formatAgo(new Date(opened_at), now)}
          </time>
        ),
      },
      {
        id: 'rule',
        title: 'Rule',
        isWide: true,
        order: ({ rule }) => rule.name,
        text: ({ rule }) => rule.name,
        cell: ({ rule }) => rule.name,
      },
      {
        id: 'fate',
        title: 'Since then',
        isWide: true,
        text: (alert) => fateWords(alert, now, tz),
        cell: (alert) => <span className="muted">{fateWords(alert, now, tz)}</span>,
      },
    ]
    if (role !== 'admin' || state === 'resolved') return columns
    return [
      ...columns,
      {
        id: 'acts',
        title: 'Act',
        hidesTitle: true,
        cell: (alert) => (
          <AlertActs
            alert={alert}
            isBusy={busyId === alert.id}
            actOn={(action) => mutate({ id: alert.id, action })}
          />
        ),
      },
    ]
  }, [role, state, tz, now, busyId, mutate])
}

/** What held, which leads to what is behind it, and the figures. */
function AlertWords({ alert }: { alert: Alert }) {
  const [view] = useView()
  return (
    <TwoLines>
      {alert.link ? (
        <Link
          href={addressOf(alert.link, view)}
          className={classes.title}
          title="What is behind it"
          data-row
        >
          {alert.title}
        </Link>
      ) : (
        <span className={classes.title}>{alert.title}</span>
      )}
      <span>{sentence(alert.detail)}</span>
    </TwoLines>
  )
}

interface AlertActsProps {
  alert: Alert
  isBusy: boolean
  actOn: (action: AlertAction) => void
}

function AlertActs({ alert, isBusy, actOn }: AlertActsProps) {
  return (
    <RowActs>
      {alert.state === 'open' && (
        <Button
          size="compact-sm"
          variant="default"
          disabled={isBusy}
          onClick={() => actOn('acknowledge')}
        >
          Acknowledge
        </Button>
      )}
      <SnoozeButton spans={SNOOZES} isBusy={isBusy} snooze={(hours) => actOn({ snooze: hours })} />
      <Button
        size="compact-sm"
        variant="default"
        disabled={isBusy}
        title="It comes back only after its condition went away"
        onClick={() => actOn('resolve')}
      >
        Resolve
      </Button>
    </RowActs>
  )
}

/** Hours that an alert can be silent for. */
const SNOOZES: [number, string][] = [
  [1, 'An hour'],
  [8, '8 hours'],
  [24, 'A day'],
  [168, 'A week'],
]
