import { Button } from '@mantine/core'
import { Link } from 'wouter'
import { useSession } from '@/api/session'
import { firstEventCommand } from '@/lib/commands'
import { CopyBlock } from '@/ui/CopyBlock'
import classes from './FirstEvent.module.css'
import { NoPasswordNote } from './NoPasswordNote'

/** What a new deployment shows: how to get the first event onto this page. */
export function FirstEvent() {
  const { role, scope } = useSession()
  return (
    <div className={classes.page}>
      <NoPasswordNote />
      <h2 className={classes.title}>Nothing has been used yet</h2>
      <p className="muted">
        Send the first event and it stands here within a second, priced. This page waits for it.
      </p>
      <ol className={classes.steps}>
        <li>
          <h3>Make a key</h3>
          <p className="muted">It may write events and nothing else.</p>
          {role === 'viewer' ? (
            <p>Ask an admin for one.</p>
          ) : (
            <Button component={Link} href="/people?new=key" size="xs" variant="default">
              Make a key
            </Button>
          )}
        </li>
        <li>
          <h3>Send an event</h3>
          <p className="muted">
            One call to a model, with what it used. Put your key in place of KEY.
          </p>
          <CopyBlock text={firstEventCommand(window.location.origin, scope ?? 'me')} />
        </li>
        <li>
          <h3>Or import what you have</h3>
          <p className="muted">
            CSV and JSON lines, or a LeadFactory database with its whole past.
          </p>
          <CopyBlock text="outlay import csv usage.csv" />
        </li>
      </ol>
    </div>
  )
}
