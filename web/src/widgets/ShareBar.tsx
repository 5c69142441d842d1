import { formatShare } from '@/lib/number'
import classes from './ShareBar.module.css'

/** A share of the whole as a bar, in the colour of its name. */
export function ShareBar({ share, colour }: { share: number | null; colour: string }) {
  return (
    <span title={share === null ? undefined : `${formatShare(share)} of the total`}>
      <span className="visually-hidden">{share === null ? '–' : formatShare(share)}</span>
      <span className={classes.track} aria-hidden="true">
        <span
          className={classes.bar}
          style={{
            width: `${Math.min(100, Math.max(0, (share ?? 0) / 10))}%`,
            background: colour,
          }}
        />
      </span>
    </span>
  )
}
