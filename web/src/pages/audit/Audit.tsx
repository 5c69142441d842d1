import { TextInput } from '@mantine/core'
import { useMemo, useState } from 'react'
import { type AuditLine, useAudit } from '@/api/audit'
import { useSession } from '@/api/session'
import { actWords, detailWords } from '@/lib/audit'
import { formatMoment } from '@/lib/time'
import { Loaded } from '@/ui/Loaded'
import { Panel } from '@/ui/Panel'
import { Empty } from '@/ui/States'
import { useParam } from '@/view/useParam'
import { type Column, DataTable } from '@/widgets/DataTable'
import { MoreButton } from '@/widgets/MoreButton'
import { TableCsv } from '@/widgets/TableActions'
import classes from './Audit.module.css'

/** Who did what, and to what: every act that changed something, for good. */
export default function Audit() {
  const [actor] = useParam('actor')
  const [action] = useParam('action')
  const [target] = useParam('target')
  const audit = useAudit({
    actor: actor ?? undefined,
    action: action ?? undefined,
    target: target ?? undefined,
  })
  const lines = useMemo(() => audit.data?.pages.flatMap(({ items }) => items) ?? [], [audit.data])
  const columns = useAuditColumns()
  return (
    <div className={classes.page}>
      <div className={classes.tools}>
        <Narrowing name="actor" label="Who" placeholder="admin" />
        <Narrowing name="action" label="What" placeholder="user.changed" />
        <Narrowing name="target" label="To whom or what" placeholder="alice" />
      </div>
      <Panel
        title="Trail"
        note="The newest first; nothing in it can be changed"
        flush
        actions={
          lines.length > 0 && (
            <TableCsv
              rows={lines}
              columns={columns}
              file="outlay-audit"
              label="Save the lines that are shown as CSV"
            />
          )
        }
      >
        <Loaded
          query={audit}
          what="The trail"
          rows={8}
          isEmpty={() => lines.length === 0}
          empty={<Empty title="Nothing of the kind was done" />}
        >
          {() => (
            <DataTable
              label="Trail"
              rows={lines}
              columns={columns}
              rowKey={({ seq }) => String(seq)}
            />
          )}
        </Loaded>
        <MoreButton query={audit}>Older lines</MoreButton>
      </Panel>
    </div>
  )
}

/** A field that narrows the trail once Enter is pressed, or it is left. */
function Narrowing({
  name,
  label,
  placeholder,
}: {
  name: string
  label: string
  placeholder: string
}) {
  const [asked, ask] = useParam(name)
  const [text, setText] = useState(asked ?? '')
  const narrow = () => {
    if (text.trim() !== (asked ?? '')) ask(text.trim() || null, { replace: true })
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        narrow()
      }}
    >
      <TextInput
        size="sm"
        w={190}
        label={label}
        placeholder={placeholder}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onBlur={narrow}
      />
    </form>
  )
}

function useAuditColumns(): Column<AuditLine>[] {
  const tz = useSession().time_zone || 'UTC'
  return useMemo(
    () => [
      {
        id: 'at',
        title: 'When',
        className: classes.when,
        text: ({ at }) => at,
        cell: ({ at }) => formatMoment(new Date(at), tz),
      },
      {
        id: 'actor',
        title: 'Who',
        isHeading: true,
        className: classes.who,
        text: ({ actor }) => actor,
        cell: ({ actor }) => <span title={actor}>{actor}</span>,
      },
      {
        id: 'action',
        title: 'What',
        text: ({ action }) => action,
        cell: ({ action }) => <span title={action}>{actWords(action)}</span>,
      },
      {
        id: 'target',
        title: 'To',
        className: classes.target,
        text: ({ target }) => target,
        cell: ({ target }) => <span title={target}>{target}</span>,
      },
      {
        id: 'detail',
        title: 'And',
        isWide: true,
        className: classes.detail,
        text: ({ detail }) => JSON.stringify(detail),
        cell: ({ detail }) => <span title={detailWords(detail)}>{detailWords(detail)}</span>,
      },
    ],
    [tz],
  )
}
