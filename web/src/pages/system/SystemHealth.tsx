import { IconAlertTriangle, IconCircleCheck, IconCircleX, IconHelp } from '@tabler/icons-react'
import type { ReactNode } from 'react'
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
import { formatBytes, formatCount, formatCountExactly, formatDuration } from '@/lib/number'
import {
  CHECK_STATUS_WORDS,
  checkName,
  filled,
  remedyPath,
  STATUS_WORDS,
  taskName,
  taskStatus,
  uptimeWords,
  worstFirst,
} from '@/lib/system'
import { formatMoment, formatTimeToSecond } from '@/lib/time'
import { Panel } from '@/ui/Panel'
import { Empty, Failure, messageOf, sentence, TableSkeleton } from '@/ui/States'
import { SettingsTabs } from '../settings/SettingsTabs'
import classes from './SystemHealth.module.css'

/** What must work, whether it does, and what the server takes for it. */
export default function SystemHealth() {
  const { scope } = useSession()
  return (
    <div className={classes.page}>
      <h1 className="visually-hidden">System health</h1>
      <SettingsTabs />
      {scope === null ? (
        <Health />
      ) : (
        <Empty title="The system is about all accounts">
          <p>You see your own account. An admin or a viewer sees how the server does.</p>
        </Empty>
      )}
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

function IngestPanel({ ingest }: { ingest: System['ingest'] }) {
  const { commit_ms, queued, queue_max } = ingest
  return (
    <Panel title="Coming in" note="since the start">
      <dl className={classes.facts}>
        <Fact name="Events kept" count={ingest.events_total} />
        <Fact name="Sent again, kept once" count={ingest.repeated_total} />
        <Fact name="Refused" count={ingest.refused_total} />
        <Fact name="Commits" count={ingest.commits_total} />
        <Fact name="Half of the commits take">
          {commit_ms ? `up to ${formatDuration(commit_ms.p50)}` : 'none yet'}
        </Fact>
        <Fact name="99 of 100 take">
          {commit_ms ? `up to ${formatDuration(commit_ms.p99)}` : 'none yet'}
        </Fact>
        <Fact name="Waiting" bar={filled(queued, queue_max)}>
          {formatCountExactly(queued)} of {formatCountExactly(queue_max)}
        </Fact>
      </dl>
    </Panel>
  )
}

function HistoryPanel({ history }: { history: System['history'] }) {
  const tz = useSession().time_zone || 'UTC'
  const moment = (text: string | null) => (text ? formatMoment(new Date(text), tz) : 'none yet')
  return (
    <Panel title="History" note="every event, in columns">
      <dl className={classes.facts}>
        <Fact name="Events" count={history.events} />
        <Fact name="Not in a segment yet" count={history.tail_events} />
        <Fact name="Segments" count={history.segments} />
        <Fact name="Their size">{formatBytes(history.bytes)}</Fact>
        <Fact name="Oldest event in them">{moment(history.oldest)}</Fact>
        <Fact name="Newest event in them">{moment(history.newest)}</Fact>
      </dl>
    </Panel>
  )
}

function KeysPanel({ keys }: { keys: System['keys'] }) {
  return (
    <Panel title="Event keys" note="that repeats are known by">
      <dl className={classes.facts}>
        <Fact name="Keys" count={keys.count} />
        <Fact name="Files" count={keys.runs} />
        <Fact name="In memory">{formatBytes(keys.memory_bytes)}</Fact>
        <Fact name="On the disk">{formatBytes(keys.disk_bytes)}</Fact>
      </dl>
    </Panel>
  )
}

function SpacePanel({ system }: { system: System }) {
  const { disk, memory_bytes, books_bytes, live, prices } = system
  return (
    <Panel title="Space and load">
      <dl className={classes.facts}>
        <Fact name="Memory in use">
          {memory_bytes === null ? 'not told' : formatBytes(memory_bytes)}
        </Fact>
        {disk && (
          <Fact
            name="Disk in use"
            bar={filled(disk.total_bytes - disk.free_bytes, disk.total_bytes)}
          >
            {formatBytes(disk.total_bytes - disk.free_bytes)} of {formatBytes(disk.total_bytes)}
          </Fact>
        )}
        <Fact name="Books">{formatBytes(books_bytes)}</Fact>
        <Fact name="Open pages" count={live.sockets} />
        <Fact name="Prices" count={prices.rows} />
        <Fact name="Events without a price" count={prices.unpriced_events} />
      </dl>
    </Panel>
  )
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

type FactProps = { name: string; bar?: number } & (
  | { count: number; children?: undefined }
  | { count?: undefined; children: ReactNode }
)

/** A figure with its name; a count is short, and exact on hover. */
function Fact({ name, bar, count, children }: FactProps) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className="number" title={count === undefined ? undefined : formatCountExactly(count)}>
        {count === undefined ? children : formatCount(count)}
      </dd>
      {bar !== undefined && (
        <dd className={classes.bar} aria-hidden="true">
          <span style={{ width: `${bar}%` }} />
        </dd>
      )}
    </div>
  )
}
