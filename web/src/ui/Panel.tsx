import type { ReactNode } from 'react'
import { useId } from 'react'
import { ErrorBoundary } from './ErrorBoundary'
import classes from './Panel.module.css'

interface PanelProps {
  title: ReactNode
  /** Stands right of the title: what the panel is about, in a figure or a sentence. */
  note?: ReactNode
  actions?: ReactNode
  children: ReactNode
  /** Whether the body touches the edges, as tables do. */
  flush?: boolean
  className?: string
}

/** A titled part of a page. */
export function Panel({ title, note, actions, children, flush, className = '' }: PanelProps) {
  const id = useId()
  return (
    <section className={`${classes.panel} ${className}`} aria-labelledby={id}>
      <header className={classes.header}>
        <h2 id={id} className={classes.title}>
          {title}
        </h2>
        {note && <div className={classes.note}>{note}</div>}
        {actions && <div className={classes.actions}>{actions}</div>}
      </header>
      <div className={flush ? classes.flush : classes.body}>
        <ErrorBoundary what="This part of the page">{children}</ErrorBoundary>
      </div>
    </section>
  )
}
