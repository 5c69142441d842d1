import { Button } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import { useMemo, useState } from 'react'
import {
  type ExportRun,
  type ExportSchedule,
  fileHref,
  useRemoveFile,
  useRunSchedule,
  useRuns,
} from '@/api/schedules'
import { formatBytes, formatCountExactly } from '@/lib/number'
import { periodWords } from '@/lib/schedules'
import { Loaded } from '@/ui/Loaded'
import { Panel } from '@/ui/Panel'
import { Empty, messageOf, sentence } from '@/ui/States'
import { useNow } from '@/ui/useNow'
import { RowActs } from '@/widgets/Cells'
import { type Column, DataTable } from '@/widgets/DataTable'
import { RunState } from './RunState'
import classes from './Schedules.module.css'

interface ScheduleFilesProps {
  schedule: ExportSchedule
  /** When that was asked for last. */
  seenAt: number
  close: () => void
}

/** The files of a schedule, the newest first, and what became of those that are not there. */
export function ScheduleFiles({ schedule, seenAt, close }: ScheduleFilesProps) {
  const runs = useRuns(schedule.id, seenAt)
  const again = useRunSchedule()
  const remove = useRemoveFile(schedule.id)
  const columns = useFileColumns(schedule, again, remove)
  const error = again.error ?? remove.error
  return (
    <Panel
      title={`Files of ${schedule.name}`}
      note="A sum is the SHA-256 of a file"
      flush
      actions={
        <Button size="xs" variant="default" onClick={close}>
          Close
        </Button>
      }
    >
      {error && (
        <p className={`bad ${classes.note}`} role="alert">
          {sentence(messageOf(error))}
        </p>
      )}
      <Loaded
        query={runs}
        what="The files"
        rows={3}
        isEmpty={(all) => all.length === 0}
        empty={
          <Empty title="No file was made yet">
            <p>The first is made when it is due; “Run now” makes it at once.</p>
          </Empty>
        }
      >
        {(all) => (
          <DataTable
            label={`Files of ${schedule.name}`}
            name="file-"
            rows={all}
            columns={columns}
            rowKey={({ id }) => id}
            rowHeight={58}
          />
        )}
      </Loaded>
    </Panel>
  )
}

function useFileColumns(
  { id, tz }: ExportSchedule,
  again: ReturnType<typeof useRunSchedule>,
  remove: ReturnType<typeof useRemoveFile>,
): Column<ExportRun>[] {
  const now = useNow()
  const { mutate: run } = again
  const { mutate: removeFile } = remove
  return useMemo(
    () => [
      {
        id: 'period',
        title: 'Of',
        isHeading: true,
        className: classes.of,
        order: ({ period }) => period.from,
        cell: ({ period }) => periodWords(period, tz, now),
      },
      {
        id: 'state',
        title: 'State',
        className: classes.last,
        text: ({ state }) => state,
        cell: (one) => <RunState run={one} tz={tz} />,
      },
      {
        id: 'rows',
        title: 'Rows',
        isFigure: true,
        isWide: true,
        order: ({ file }) => file?.rows ?? 0,
        cell: ({ file }) => (file?.rows == null ? '' : formatCountExactly(file.rows)),
      },
      {
        id: 'size',
        title: 'Size',
        isFigure: true,
        isWide: true,
        order: ({ file }) => file?.size_bytes ?? 0,
        cell: ({ file }) => file && formatBytes(file.size_bytes),
      },
      {
        id: 'sum',
        title: 'Sum',
        isWide: true,
        text: ({ file }) => file?.sha256 ?? '',
        hint: ({ file }) => file?.sha256,
        cell: ({ file }) =>
          file && <code className={classes.sum}>{file.sha256.slice(0, 12)}…</code>,
      },
      {
        id: 'acts',
        title: 'Act',
        hidesTitle: true,
        cell: (one) => (
          <FileActs
            schedule={id}
            run={one}
            again={() => run({ id, firstDay: one.period.first_day })}
            remove={() => removeFile(one.id)}
          />
        ),
      },
    ],
    [id, tz, now, run, removeFile],
  )
}

interface FileActsProps {
  schedule: string
  run: ExportRun
  again: () => void
  remove: () => void
}

/** Fetches a file, has it made again, or removes it, which asks once more. */
function FileActs({ schedule, run, again, remove }: FileActsProps) {
  const [isSure, setSure] = useState(false)
  const of = run.period.first_day
  if (isSure) {
    return (
      <RowActs>
        <Button
          size="compact-sm"
          color="red"
          onClick={() => {
            setSure(false)
            remove()
          }}
        >
          Remove it
        </Button>
        <Button size="compact-sm" variant="default" onClick={() => setSure(false)}>
          Keep it
        </Button>
      </RowActs>
    )
  }
  return (
    <RowActs>
      {run.file && (
        <Button
          component="a"
          href={fileHref(schedule, run.id)}
          download
          size="compact-sm"
          leftSection={<IconDownload size={14} aria-hidden="true" />}
          aria-label={`Download the file of ${of}`}
        >
          Download
        </Button>
      )}
      {run.state !== 'waiting' && (
        <Button
          size="compact-sm"
          variant="default"
          aria-label={run.file ? `Make again: the file of ${of}` : `Make the file of ${of}`}
          onClick={again}
        >
          {run.file ? 'Make again' : 'Make'}
        </Button>
      )}
      {run.file && (
        <Button
          size="compact-sm"
          variant="subtle"
          color="red"
          aria-label={`Remove the file of ${of}`}
          onClick={() => setSure(true)}
        >
          Remove
        </Button>
      )}
    </RowActs>
  )
}
