import { Button } from '@mantine/core'
import { useMemo } from 'react'
import { type ExportSchedule, useRunSchedule, useSchedules } from '@/api/schedules'
import { formatBytes, plural } from '@/lib/number'
import { cadenceWords, exportWords, periodWords } from '@/lib/schedules'
import { formatMoment } from '@/lib/time'
import { EditButton } from '@/ui/EditButton'
import { Loaded } from '@/ui/Loaded'
import { Panel } from '@/ui/Panel'
import { Empty, messageOf, sentence } from '@/ui/States'
import table from '@/ui/table.module.css'
import { useNow } from '@/ui/useNow'
import { useParam } from '@/view/useParam'
import { RowActs, TwoLines } from '@/widgets/Cells'
import { type Column, DataTable } from '@/widgets/DataTable'
import { RunState } from './RunState'
import { ScheduleDrawer } from './ScheduleDrawer'
import { ScheduleFiles } from './ScheduleFiles'
import classes from './Schedules.module.css'

/** The URL's word for a schedule that does not exist yet; ids are longer. */
const NEW = 'new'

/** Files that are made by themselves: when, what became of them, and the files. For admins. */
export function Schedules() {
  const schedules = useSchedules()
  const [edited, edit] = useParam('edit')
  const [opened, open] = useParam('schedule')
  const run = useRunSchedule()
  const columns = useScheduleColumns({ edit, open, run })
  const shown = schedules.data?.find(({ id }) => id === opened)
  return (
    <>
      <Panel
        title="Schedules"
        note="Files that are made by themselves and kept on the server"
        flush
        actions={
          <Button size="xs" onClick={() => edit(NEW)}>
            New schedule
          </Button>
        }
      >
        {run.error && (
          <p className={`bad ${classes.note}`} role="alert">
            {sentence(messageOf(run.error))}
          </p>
        )}
        <Loaded
          query={schedules}
          what="The schedules"
          rows={2}
          isEmpty={(all) => all.length === 0}
          empty={<NoSchedules add={() => edit(NEW)} />}
        >
          {(all) => (
            <DataTable
              label="Schedules"
              name="schedule-"
              rows={all}
              columns={columns}
              rowKey={({ id }) => id}
              rowHeight={58}
              isCurrent={({ id }) => id === opened}
            />
          )}
        </Loaded>
      </Panel>
      {shown && (
        <ScheduleFiles schedule={shown} seenAt={schedules.dataUpdatedAt} close={() => open(null)} />
      )}
      {schedules.data && (
        <ScheduleDrawer
          // A form begins anew with each schedule.
          key={edited}
          opened={edited === NEW || schedules.data.some(({ id }) => id === edited)}
          schedule={schedules.data.find(({ id }) => id === edited) ?? null}
          close={() => edit(null)}
        />
      )}
    </>
  )
}

function NoSchedules({ add }: { add: () => void }) {
  return (
    <Empty title="No file is made by itself yet">
      <p className={classes.why}>
        A schedule writes events, charges or the report of a month whenever a day, a week or a month
        has ended, and keeps the files here to be fetched.
      </p>
      <Button size="xs" onClick={add}>
        Make the first schedule
      </Button>
    </Empty>
  )
}

interface Does {
  edit: (id: string) => void
  open: (id: string) => void
  run: ReturnType<typeof useRunSchedule>
}

function useScheduleColumns({ edit, open, run }: Does): Column<ExportSchedule>[] {
  const now = useNow()
  const { mutate } = run
  const busyId = run.isPending ? run.variables.id : null
  return useMemo(
    () => [
      {
        id: 'name',
        title: 'Schedule',
        isHeading: true,
        order: ({ name }) => name,
        cell: (schedule) => (
          <TwoLines>
            <button
              type="button"
              data-row
              className={table.rowButton}
              title="Its files"
              onClick={() => open(schedule.id)}
            >
              {schedule.name}
            </button>
            <span>{exportWords(schedule.export)}</span>
          </TwoLines>
        ),
      },
      {
        id: 'next',
        title: 'Next file',
        isWide: true,
        order: ({ next }) => (next ? Date.parse(next.due_at) : Number.POSITIVE_INFINITY),
        text: ({ next }) => next?.due_at ?? '',
        cell: (schedule) => (
          <TwoLines>
            <span>
              {schedule.next
                ? formatMoment(new Date(schedule.next.due_at), schedule.tz)
                : 'Switched off'}
            </span>
            <span>{cadenceWords(schedule)}</span>
          </TwoLines>
        ),
      },
      {
        id: 'last',
        title: 'Last file',
        className: classes.last,
        text: ({ last }) => last?.state ?? '',
        cell: ({ last, tz }) =>
          last ? (
            <RunState run={last} of={periodWords(last.period, tz, now)} tz={tz} />
          ) : (
            <span className="muted">None yet</span>
          ),
      },
      {
        id: 'files',
        title: 'Kept',
        isFigure: true,
        isWide: true,
        order: ({ size_bytes }) => size_bytes,
        text: ({ files }) => String(files),
        cell: ({ files, size_bytes, keep }) => (
          <TwoLines>
            <span>{plural(files, 'file')}</span>
            <span>
              {formatBytes(size_bytes)}, {keep} at most
            </span>
          </TwoLines>
        ),
      },
      {
        id: 'acts',
        title: 'Act',
        hidesTitle: true,
        cell: ({ id, name }) => (
          <RowActs>
            <Button
              size="compact-sm"
              variant="default"
              loading={busyId === id}
              title="Makes the file of the last period that is over, also where it was made before"
              aria-label={`Run now: ${name}`}
              onClick={() => mutate({ id }, { onSuccess: () => open(id) })}
            >
              Run now
            </Button>
            <EditButton name={name} edit={() => edit(id)} />
          </RowActs>
        ),
      },
    ],
    [edit, open, mutate, busyId, now],
  )
}
