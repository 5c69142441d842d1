import classes from './StatusWord.module.css'

/** How a call ended: a word always, a colour only where it went wrong. */
export function StatusWord({ status }: { status: string }) {
  const tone = status === 'ok' ? classes.ok : status === 'error' ? classes.error : classes.ended
  return (
    <span className={`${classes.status} ${tone}`}>
      <span className={classes.dot} aria-hidden="true" />
      <span className={classes.word}>{status}</span>
    </span>
  )
}
