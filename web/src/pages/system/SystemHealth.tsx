import { IconAlertTriangle, IconCircleCheck, IconCircleX, IconHelp } from '@tabler/icons-react'
import { Link } from 'wouter'
import { useSession } from '@/api/session'
import {
  type Check,
  type CheckStatus,
  LOOK_EVERY_SECONDS,
  type System,
  type Task,
  useSystem,
} from '@/api/system'
import {
  CHECK_STATUS_WORDS,
  checkName,
  remedyPath,
  STATUS_WORDS,
  taskName,
  taskStatus,
  uptimeWords,
  worstFirst,
} from '@/lib/system'
import { formatMoment, formatTimeToSecond } from '@/lib/time'
import { Panel } from '@/ui/Panel'
import { Failure, messageOf, sentence, TableSkeleton } from '@/ui/States'
import { HistoryPanel, IngestPanel, KeysPanel, SpacePanel } from './FactPanels'
import classes from './SystemHealth.module.css'

/** What must work, whether it does, and what the server takes for it. */
export default function SystemHealth() {
  return (
    <div className={classes.page}>
      <Health />
    </div>
  )
}

function Health() {
  const system = useSystem()
  const { data } = system
  if (!data) {
    return (
      <Panel title="System health" flush>
        {system.isError ? (
          <Failure what="The system's health" error={system.error} retry={system.refetch} />
        ) : (
          <TableSkeleton rows={5} label="The checks are loading" />
        )}
      </Panel>
    )
  }
  return (
    <>
      <ChecksPanel
        system={data}
        lookedAt={new Date(system.dataUpdatedAt)}
        error={system.isError ? system.error : null}
      />
      <div className={classes.groups}>
        <IngestPanel ingest={data.ingest} />
        <HistoryPanel history={data.history} />
        <KeysPanel keys={data.keys} />
        <SpacePanel system={data} />
      </div>
      {data.tasks && <TasksPanel tasks={data.tasks} />}
    </>
  )
}

interface ChecksPanelProps {
  system: System
  lookedAt: Date
  /** Why the last look failed, while the one before is shown. */
  error: Error | null
}

function ChecksPanel({ system, lookedAt, error }: ChecksPanelProps) {
  const tz = useSession().time_zone || 'UTC'
  const at = formatTimeToSecond(lookedAt, tz)
  const worst = ({ ok: 'ok', degraded: 'warning', failing: 'failing' } as const)[system.status]
  return (
    <Panel
      title="System health"
      note={
        error ? (
          <span role="status" className={classes.status} data-status="failing">
            <StatusIcon status="failing" /> Nobody knows at present
          </span>
        ) : (
          <span role="status" className={classes.status} data-status={worst}>
            <StatusIcon status={worst} /> {STATUS_WORDS[system.status]}
          </span>
        )
      }
      actions={
        <span className="muted small number">
          Looked at {at} {tz}, every {LOOK_EVERY_SECONDS} s
        </span>
      }
      flush
    >
      {error && (
        <p role="alert" className={`bad ${classes.stale}`}>
          The figures are of {at} {tz}: {sentence(messageOf(error))}
        </p>
      )}
      <ul className={classes.checks} aria-label="Checks">
        {worstFirst(system.checks).map((check) => (
          <CheckRow key={check.name} check={check} isOld={error !== null} />
        ))}
      </ul>
      <p className={classes.since}>
        Version {system.version}, up for {uptimeWords(system.uptime_seconds)}, since{' '}
        {formatMoment(new Date(system.started_at), tz)}
      </p>
    </Panel>
  )
}

function CheckRow({ check, isOld }: { check: Check; isOld: boolean }) {
  const remedy = remedyPath(check)
  return (
    <li className={classes.check}>
      {isOld ? (
        <span className={`${classes.status} muted`}>
          <IconHelp size={16} aria-hidden="true" /> was: {CHECK_STATUS_WORDS[check.status]}
        </span>
      ) : (
        <span className={classes.status} data-status={check.status}>
          <StatusIcon status={check.status} /> {CHECK_STATUS_WORDS[check.status]}
        </span>
      )}
      <strong>{checkName(check.name)}</strong>
      <span>
        {sentence(check.text)} {remedy && <Link href={remedy}>See to it</Link>}
      </span>
    </li>
  )
}

const ICONS: Record<CheckStatus, typeof IconCircleX> = {
  ok: IconCircleCheck,
  warning: IconAlertTriangle,
  failing: IconCircleX,
}

function StatusIcon({ status }: { status: CheckStatus }) {
  const Icon = ICONS[status]
  return <Icon size={16} aria-hidden="true" />
}

function TasksPanel({ tasks }: { tasks: Task[] }) {
  const tz = useSession().time_zone || 'UTC'
  return (
    <Panel title="In the background" note="started again when it crashes" flush>
      <ul className={classes.checks} aria-label="Tasks">
        {tasks.map((task) => {
          const { status, words } = taskStatus(task)
          return (
            <li key={task.name} className={classes.check}>
              <span className={classes.status} data-status={status}>
                <StatusIcon status={status} /> {words}
              </span>
              <strong>{taskName(task.name)}</strong>
              <span>
                <span className="muted">
                  Last seen at {formatTimeToSecond(new Date(task.beat_at), tz)}
                </span>
                {task.last_error && `: ${task.last_error}`}
              </span>
            </li>
          )
        })}
      </ul>
    </Panel>
  )
}
