import { Button, SegmentedControl, Select } from '@mantine/core'
import { IconAlertTriangle, IconInfoCircle, IconUrgent } from '@tabler/icons-react'
import { Link } from 'wouter'
import {
  type Alert,
  type AlertAction,
  type AlertSeverity,
  useActOn,
  useAlertRules,
  useAlerts,
} from '@/api/alerts'
import { useSession } from '@/api/session'
import { ALERT_STATES, fateWords, readAlertState, readSeverity, SEVERITY_WORDS } from '@/lib/alerts'
import { formatAgo, formatMoment } from '@/lib/time'
import { Panel } from '@/ui/Panel'
import { SnoozeButton } from '@/ui/SnoozeButton'
import { Empty, Failure, messageOf, sentence, TableSkeleton } from '@/ui/States'
import { useNow } from '@/ui/useNow'
import { useParam } from '@/view/useParam'
import classes from './Alerts.module.css'
import { RulesPanel } from './RulesPanel'

/** What holds that somebody wanted to know of, what was done about it, and what is watched. */
export default function Alerts() {
  return (
    <div className={classes.page}>
      <AlertsPanel />
      <RulesPanel />
    </div>
  )
}

const EMPTY_WORDS = {
  open: 'Nothing waits for you',
  acknowledged: 'No alert that somebody saw still holds',
  resolved: 'No alert was resolved yet',
}

function AlertsPanel() {
  const [asked, ask] = useParam('state')
  const state = readAlertState(asked)
  const [severityAsked, askSeverity] = useParam('severity')
  // The word `rule` of the URL opens one in the panel below.
  const [rule, askRule] = useParam('of')
  const severity = readSeverity(severityAsked)
  const rules = useAlertRules()
  const alerts = useAlerts(state, severity, rule)
  const isNarrowed = severity !== null || rule !== null
  const actOn = useActOn()
  const items = alerts.data?.pages.flatMap((page) => page.items) ?? []
  const open = alerts.data?.pages[0]?.open ?? 0
  return (
    <Panel
      title="Alerts"
      note={alerts.data && (open > 0 ? `${open} open` : 'none open')}
      flush
      actions={
        <>
          <Select
            size="xs"
            w={128}
            aria-label="Severity"
            placeholder="Any severity"
            clearable
            data={Object.entries(SEVERITY_WORDS).map(([value, label]) => ({ value, label }))}
            value={severity}
            onChange={(next) => askSeverity(next, { replace: true })}
          />
          <Select
            size="xs"
            w={168}
            aria-label="Rule"
            placeholder="Any rule"
            clearable
            data={(rules.data ?? []).map(({ id, name }) => ({ value: id, label: name }))}
            value={rule}
            onChange={(next) => askRule(next, { replace: true })}
          />
          <SegmentedControl
            size="xs"
            aria-label="Which alerts"
            data={Object.entries(ALERT_STATES).map(([value, label]) => ({ value, label }))}
            value={state}
            onChange={(next) => ask(next === 'open' ? null : next, { replace: true })}
          />
        </>
      }
    >
      {actOn.isError && (
        <p role="alert" className={`bad ${classes.error}`}>
          {sentence(messageOf(actOn.error))}
        </p>
      )}
      {alerts.isError && !alerts.data ? (
        <Failure what="The alerts" error={alerts.error} retry={alerts.refetch} />
      ) : !alerts.data ? (
        <TableSkeleton rows={4} label="The alerts are loading" />
      ) : items.length === 0 ? (
        <Empty title={isNarrowed ? 'No such alert' : EMPTY_WORDS[state]}>
          {state === 'open' && !isNarrowed && <p>The rules below are watched all the time.</p>}
        </Empty>
      ) : (
        <ul className={classes.list} aria-label={`${ALERT_STATES[state]} alerts`}>
          {items.map((alert) => (
            <AlertRow
              key={alert.id}
              alert={alert}
              isBusy={actOn.isPending && actOn.variables.id === alert.id}
              actOn={(action) => actOn.mutate({ id: alert.id, action })}
            />
          ))}
        </ul>
      )}
      {alerts.hasNextPage && (
        <div className={classes.more}>
          <Button
            size="xs"
            variant="default"
            loading={alerts.isFetchingNextPage}
            onClick={() => alerts.fetchNextPage()}
          >
            Show older ones
          </Button>
        </div>
      )}
    </Panel>
  )
}

const ICONS: Record<AlertSeverity, typeof IconUrgent> = {
  critical: IconUrgent,
  warning: IconAlertTriangle,
  info: IconInfoCircle,
}

export function SeverityWord({ severity }: { severity: AlertSeverity }) {
  const Icon = ICONS[severity]
  return (
    <span className={classes.severity} data-severity={severity}>
      <Icon size={17} aria-hidden="true" />
      {SEVERITY_WORDS[severity]}
    </span>
  )
}

interface AlertRowProps {
  alert: Alert
  isBusy: boolean
  actOn: (action: AlertAction) => void
}

function AlertRow({ alert, isBusy, actOn }: AlertRowProps) {
  const { role, time_zone } = useSession()
  const tz = time_zone || 'UTC'
  const now = useNow()
  const opened = new Date(alert.opened_at)
  const fate = fateWords(alert, now, tz)
  return (
    <li className={classes.alert}>
      <SeverityWord severity={alert.severity} />
      <div className={classes.words}>
        <p className={classes.title}>{alert.title}</p>
        <p className={classes.detail}>{sentence(alert.detail)}</p>
        <p className={classes.facts}>
          <time dateTime={alert.opened_at} title={formatMoment(opened, tz)}>
            {formatAgo(opened, now)}
          </time>
          <span>{alert.rule.name}</span>
          {fate && <span>{fate}</span>}
          {alert.path && <Link href={alert.path}>What is behind it</Link>}
        </p>
      </div>
      {role === 'admin' && alert.state !== 'resolved' && (
        <div className={classes.acts}>
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
          <SnoozeButton
            spans={SNOOZES}
            isBusy={isBusy}
            snooze={(hours) => actOn({ snooze: hours })}
          />
          <Button
            size="compact-sm"
            variant="default"
            disabled={isBusy}
            title="It comes back only after its condition went away"
            onClick={() => actOn('resolve')}
          >
            Resolve
          </Button>
        </div>
      )}
    </li>
  )
}

/** Hours that an alert can be silent for. */
const SNOOZES: [number, string][] = [
  [1, 'An hour'],
  [8, '8 hours'],
  [24, 'A day'],
  [168, 'A week'],
]
