import { useMemo } from 'react'
import { type Grant, useGrants } from '@/api/credit'
import { parseAmount } from '@/lib/amount'
import { courseOf, placeIn, SOURCES, whenWords } from '@/lib/credit'
import { formatDay } from '@/lib/time'
import { Money } from '@/ui/Figures'
import { Loaded } from '@/ui/Loaded'
import { Panel } from '@/ui/Panel'
import { Empty } from '@/ui/States'
import { useScene } from '@/view/useView'
import { TwoLines } from '@/widgets/Cells'
import { type Column, DataTable } from '@/widgets/DataTable'
import { MoreButton } from '@/widgets/MoreButton'
import classes from './Credits.module.css'

/** The credit that was given: how much is left of it, and up to when. */
export function GrantsPanel({ account }: { account: string }) {
  const grants = useGrants(account)
  const rows = useMemo(() => grants.data?.pages.flatMap(({ items }) => items) ?? [], [grants.data])
  const columns = useGrantColumns(rows)
  return (
    <Panel title="Grants" note="What expires first burns first, where nothing else is said" flush>
      <Loaded
        query={grants}
        what="The grants"
        rows={3}
        isEmpty={() => rows.length === 0}
        empty={<Empty title="Nothing was given yet" />}
      >
        {() => (
          <DataTable
            label="Grants"
            name="grant-"
            rows={rows}
            columns={columns}
            rowKey={({ number }) => String(number)}
            rowHeight={58}
          />
        )}
      </Loaded>
      <MoreButton query={grants}>Older grants</MoreButton>
    </Panel>
  )
}

function useGrantColumns(grants: Grant[]): Column<Grant>[] {
  const { now, tz } = useScene()
  return useMemo(() => {
    const course = courseOf(grants, now)
    return [
      {
        id: 'source',
        title: 'From',
        isHeading: true,
        className: classes.from,
        order: ({ source }) => SOURCES[source],
        text: ({ source }) => source,
        cell: ({ source, created_at }) => (
          <TwoLines>
            <span>{SOURCES[source]}</span>
            <span>{formatDay(new Date(created_at), tz, now)}</span>
          </TwoLines>
        ),
      },
      {
        id: 'when',
        title: 'Can be spent',
        className: classes.when,
        order: ({ expires_at }) => expires_at && Date.parse(expires_at),
        text: ({ expires_at }) => expires_at,
        cell: (grant) => (
          <TwoLines>
            <Course grant={grant} course={course} now={now} />
            <span>{whenWords(grant, now, tz)}</span>
          </TwoLines>
        ),
      },
      {
        id: 'priority',
        title: 'Priority',
        isFigure: true,
        isWide: true,
        order: ({ priority }) => priority,
        text: ({ priority }) => priority,
        cell: ({ priority }) => priority,
        hint: () => 'The lower number burns first',
      },
      {
        id: 'left',
        title: 'Left',
        isFigure: true,
        order: ({ free }) => parseAmount(free),
        text: ({ free }) => free,
        cell: (grant) => <Left grant={grant} />,
      },
    ]
  }, [grants, now, tz])
}

/** What is left of a grant; of one whose time is to come, how much that will be. */
function Left({ grant: { free, amount, unit, state } }: { grant: Grant }) {
  const whole = <Money amount={parseAmount(amount)} unit={unit} />
  return (
    <TwoLines>
      {state === 'scheduled' ? whole : <Money amount={parseAmount(free)} unit={unit} />}
      <span>{state === 'scheduled' ? 'to come' : <>of {whole}</>}</span>
    </TwoLines>
  )
}

interface CourseProps {
  grant: Grant
  course: { from: number; to: number }
  now: Date
}

/** From when to when, drawn; beneath it the same stands in words. */
function Course({ grant, course, now }: CourseProps) {
  const from = placeIn(course, Date.parse(grant.effective_at))
  const to = grant.expires_at ? placeIn(course, Date.parse(grant.expires_at)) : 1
  return (
    <span className={classes.course} aria-hidden="true">
      <span
        className={classes.bar}
        data-state={grant.state}
        data-endless={grant.expires_at === null}
        style={{ left: `${from * 100}%`, width: `${(to - from) * 100}%` }}
      />
      <span
        className={classes.today}
        style={{ left: `${placeIn(course, now.getTime()) * 100}%` }}
      />
    </span>
  )
}
