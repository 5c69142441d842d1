import { Button } from '@mantine/core'
import { useState } from 'react'
import classes from './Removal.module.css'
import { messageOf, sentence } from './States'

interface RemovalProps {
  /** What kind of thing goes, e.g. `budget`. */
  what: string
  name: string
  /** What else happens. */
  consequence: string
  error: Error | null
  isPending: boolean
  remove: () => void
}

/** Asks once more before something goes. */
export function Removal({ what, name, consequence, error, isPending, remove }: RemovalProps) {
  const [isSure, setSure] = useState(false)
  return (
    <div className={classes.removal}>
      {error && (
        <p className="bad" role="alert">
          {sentence(messageOf(error))}
        </p>
      )}
      {isSure ? (
        <>
          <p>
            Remove <strong>{name}</strong>? {consequence}
          </p>
          <div className={classes.acts}>
            <Button size="xs" color="red" loading={isPending} onClick={remove}>
              Remove it
            </Button>
            <Button size="xs" variant="default" onClick={() => setSure(false)}>
              Keep it
            </Button>
          </div>
        </>
      ) : (
        <Button size="xs" variant="subtle" color="red" onClick={() => setSure(true)}>
          Remove the {what}
        </Button>
      )}
    </div>
  )
}
