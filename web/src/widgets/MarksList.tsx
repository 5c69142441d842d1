import { Button, Popover, TextInput } from '@mantine/core'
import { IconFlag, IconX } from '@tabler/icons-react'
import { type FormEvent, useState } from 'react'
import { Link } from 'wouter'
import { useRemoveAnnotation, useWriteAnnotation } from '@/api/annotations'
import { useSession } from '@/api/session'
import { type Filter, scopeBody } from '@/lib/filters'
import { addressOf } from '@/lib/links'
import { MARK_WORDS, type Mark } from '@/lib/marks'
import { plural } from '@/lib/number'
import { filterWords } from '@/lib/savedViews'
import { dayOf, formatDay, formatTime, momentOf } from '@/lib/time'
import { useRefusal } from '@/ui/DrawerForm'
import { messageOf, sentence } from '@/ui/States'
import type { Scene } from '@/view/useView'
import classes from './MarksList.module.css'

interface MarksListProps {
  marks: Mark[]
  scene: Scene
  /** What is looked at, which a note may be about. */
  filters: Filter[]
  /** Whether they are drawn, too: not every form has a place for them. */
  isDrawn?: boolean
}

/** What happened, in words and in order, and a way to write something down. */
export function MarksList({ marks, scene, filters, isDrawn = true }: MarksListProps) {
  const { role } = useSession()
  const remove = useRemoveAnnotation()
  const { tz, now } = scene
  return (
    <div className={classes.foot}>
      {marks.length > 0 ? (
        <details className={classes.marks}>
          <summary>
            {plural(marks.length, 'mark')} {isDrawn ? 'on the chart' : 'in this time'}
          </summary>
          <ul aria-label="What happened">
            {marks.toReversed().map(({ key, kind, text, at, link, id, author }) => (
              <li key={key}>
                <span className="number muted">
                  {formatDay(at, tz, now)}, {formatTime(at, tz)}
                </span>
                <span className={classes.kind}>{MARK_WORDS[kind]}</span>
                <span className={classes.text}>
                  {link ? <Link href={addressOf(link, scene.view)}>{text}</Link> : text}
                  {author && <span className="muted"> by {author}</span>}
                </span>
                {id !== null && (
                  <button
                    type="button"
                    className={classes.remove}
                    aria-label={`Remove the note: ${text}`}
                    onClick={() => remove.mutate(id)}
                  >
                    <IconX size={13} aria-hidden="true" />
                  </button>
                )}
              </li>
            ))}
          </ul>
          {remove.isError && (
            <p className="bad" role="alert">
              {sentence(messageOf(remove.error))}
            </p>
          )}
        </details>
      ) : (
        <span />
      )}
      {role !== 'viewer' && <WriteNote scene={scene} filters={filters} />}
    </div>
  )
}

/** A note on the chart: a deploy, a campaign, whatever explains a day. */
function WriteNote({ scene, filters }: Omit<MarksListProps, 'marks'>) {
  const [opened, setOpened] = useState(false)
  return (
    <Popover opened={opened} onChange={setOpened} position="top-end" trapFocus returnFocus>
      <Popover.Target>
        <Button
          size="compact-sm"
          variant="subtle"
          color="gray"
          leftSection={<IconFlag size={14} aria-hidden="true" />}
          onClick={() => setOpened((was) => !was)}
        >
          Write a note
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Note">
        {opened && <NoteForm scene={scene} filters={filters} done={() => setOpened(false)} />}
      </Popover.Dropdown>
    </Popover>
  )
}

interface NoteFormProps extends Omit<MarksListProps, 'marks'> {
  done: () => void
}

function NoteForm({ scene, filters, done }: NoteFormProps) {
  const { scope } = useSession()
  const { tz, now } = scene
  const write = useWriteAnnotation()
  const [text, setText] = useState('')
  const [day, setDay] = useState<string>(dayOf(now, tz))
  const [time, setTime] = useState(formatTime(now, tz))
  const { refusal, at } = useRefusal(write.error)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const moment = momentOf(Date.parse(`${day}T${time || '00:00'}:00Z`), tz)
    write.mutate({ text, at: moment.toISOString(), scope: scopeBody(filters) }, { onSuccess: done })
  }
  const about = filters.length > 0 ? filterWords(filters) : 'all usage'
  return (
    <form className={classes.form} onSubmit={submit} noValidate>
      <TextInput
        label="What happened"
        data-autofocus
        autoComplete="off"
        maxLength={300}
        value={text}
        error={at('text')}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      <div className={classes.when}>
        <TextInput
          type="date"
          label="Day"
          value={day}
          error={at('at')}
          onChange={(event) => setDay(event.currentTarget.value)}
        />
        <TextInput
          type="time"
          label="Time"
          value={time}
          onChange={(event) => setTime(event.currentTarget.value)}
        />
      </div>
      <p className="muted small">
        {scope === null
          ? `On every chart of ${about}, for everybody who sees it.`
          : `On the charts of ${about}, for your account.`}{' '}
        The clock is that of {tz}.
      </p>
      {refusal && !at('text') && !at('at') && (
        <p className="bad" role="alert">
          {refusal.words}
        </p>
      )}
      <Button type="submit" size="xs" loading={write.isPending} disabled={!text.trim() || !day}>
        Write it
      </Button>
    </form>
  )
}
