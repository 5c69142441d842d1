import type { ReactNode } from 'react'
import { useSession } from '@/api/session'
import type { System } from '@/api/system'
import { formatBytes, formatCount, formatCountExactly, formatDuration } from '@/lib/number'
import { filled } from '@/lib/system'
import { formatMoment } from '@/lib/time'
import { Panel } from '@/ui/Panel'
import classes from './SystemHealth.module.css'

export function IngestPanel({ ingest }: { ingest: System['ingest'] }) {
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

export function HistoryPanel({ history }: { history: System['history'] }) {
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

export function KeysPanel({ keys }: { keys: System['keys'] }) {
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

export function SpacePanel({ system }: { system: System }) {
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
