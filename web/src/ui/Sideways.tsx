import type { ReactNode } from 'react'
import classes from './Sideways.module.css'

/** A table that is wider than the page scrolls by itself, with the keyboard too. */
export function Sideways({ label, children }: { label: string; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className={classes.sideways} tabIndex={0} aria-label={label}>
      {children}
    </section>
  )
}
