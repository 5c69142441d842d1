import { Button, SegmentedControl } from '@mantine/core'
import { useState } from 'react'
import { Link } from 'wouter'
import { useCreateKey } from '@/api/people'
import { useSession } from '@/api/session'
import { LANGUAGES, type Language, snippet } from '@/lib/snippets'
import { CopyBlock } from '@/ui/CopyBlock'
import { messageOf, sentence } from '@/ui/States'
import { useUnsaved } from '@/ui/unsaved'
import { Arrived } from './Arrived'
import classes from './FirstEvent.module.css'
import { NoPasswordNote } from './NoPasswordNote'

interface FirstEventProps {
  /** Whether something has come in since the page was opened. */
  hasArrived: boolean
  /** Leads on, once it has. */
  done: () => void
}

/** What a new deployment shows: a key, a program to run, and the first event as it comes in. */
export default function FirstEvent({ hasArrived, done }: FirstEventProps) {
  const { role, scope } = useSession()
  const create = useCreateKey()
  const [language, setLanguage] = useState<Language>('curl')
  const key = create.data?.secret
  // A key is told once, and what was not copied of it is gone.
  useUnsaved(key !== undefined && !hasArrived)
  return (
    <div className={classes.page}>
      <NoPasswordNote />
      <h2 className={classes.title}>{hasArrived ? 'There it is' : 'Nothing has been used yet'}</h2>
      {hasArrived ? (
        <Arrived done={done} />
      ) : (
        <p className={`muted ${classes.listening}`} role="status">
          <span className={classes.pulse} aria-hidden="true" />
          Listening… The first event stands here within a second, priced.
        </p>
      )}
      <ol className={classes.steps}>
        <li>
          <h3>Make a key</h3>
          {role === 'viewer' ? (
            <p>Ask an admin for one: it may send events and nothing else.</p>
          ) : key ? (
            <>
              <p className="muted">It may send events and nothing else. It is shown this once.</p>
              <CopyBlock text={key} label="key" />
            </>
          ) : (
            <>
              <p className="muted">It may send events and nothing else.</p>
              <Button
                size="xs"
                loading={create.isPending}
                onClick={() => create.mutate({ name: 'first event', scopes: ['events:write'] })}
              >
                Make a key and fill it in
              </Button>
              {create.isError && (
                <p className="bad" role="alert">
                  {sentence(messageOf(create.error))}
                </p>
              )}
            </>
          )}
        </li>
        <li>
          <h3>Send an event</h3>
          <p className="muted">
            One call to a model, with what it used.
            {!key && ' Put your key in place of KEY, or have one made above.'}
          </p>
          <SegmentedControl
            size="xs"
            aria-label="Language"
            value={language}
            onChange={(next) => setLanguage(next as Language)}
            data={Object.entries(LANGUAGES).map(([value, label]) => ({ value, label }))}
          />
          <CopyBlock
            text={snippet(language, {
              origin: window.location.origin,
              account: scope ?? 'me',
              key: key ?? 'KEY',
            })}
          />
        </li>
        <li>
          <h3>Or bring what you have</h3>
          {role === 'admin' ? (
            <p>
              CSV and JSON lines, or a LeadFactory database with its whole past:{' '}
              <Link href="/imports">imports</Link>.
            </p>
          ) : (
            <p>An admin can import what other systems know.</p>
          )}
        </li>
      </ol>
    </div>
  )
}
