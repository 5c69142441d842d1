import { Button } from '@mantine/core'
import type { ReactNode } from 'react'
import { ApiError } from '@/api/client'
import { useSessionQuery } from '@/api/session'
import { CopyBlock } from './CopyBlock'
import classes from './States.module.css'

interface FailureProps {
  /** What could not be shown, e.g. `The chart`. */
  what: string
  error: unknown
  retry: () => void
  /** What still works, where that helps. */
  still?: string
}

/** What failed, why, what still works, and another try. */
export function Failure({ what, error, retry, still }: FailureProps) {
  const remedy = error instanceof ApiError ? error.remedy : undefined
  if (error instanceof ApiError && error.status === 404) {
    // The page may be newer than the server, e.g. while one of several is upgraded.
    return <Empty title={`${what} cannot be had from this server yet`} />
  }
  return (
    <div className={classes.failure} role="alert">
      <p>
        <strong>{what} could not be loaded.</strong> {sentence(messageOf(error))}
      </p>
      {still && <p className="muted">{still}</p>}
      {remedy && <Remedy text={remedy} />}
      <Button size="xs" variant="default" onClick={retry}>
        Try again
      </Button>
    </div>
  )
}

/** What helps: a sentence, or a command for whoever may run it. */
export function Remedy({ text }: { text: string }) {
  const { data: session } = useSessionQuery()
  if (!COMMAND.test(text)) return <p>{sentence(text)}</p>
  return session?.role === 'admin' ? <CopyBlock text={text} label="remedy" /> : <p>Ask an admin.</p>
}

/** How a remedy begins that is run where the server is. */
const COMMAND = /^(outlay|SELECT|DESCRIBE)\b/

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'Something went wrong.'
}

/**
 * The server's texts are lower-case and without a full stop, to be put into sentences. A name that
 * is no plain word, such as a model's, stays as it is written.
 */
export function sentence(text: string): string {
  const begun = headline(text)
  return /[.!?]$/.test(begun) ? begun : `${begun}.`
}

/** The same without the full stop, to stand above something. */
export function headline(text: string): string {
  return /^[a-z]+(?![\w-])/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text
}

/** Nothing to show, and what to do about it. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={classes.empty}>
      <p className={classes.emptyTitle}>{title}</p>
      {children}
    </div>
  )
}

/** Grey bars in the shape of a table that is on its way. */
export function TableSkeleton({ rows, label }: { rows: number; label: string }) {
  return (
    <div className={classes.skeletonTable} role="status">
      <span className="visually-hidden">{label}</span>
      {Array.from({ length: rows }, (_, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all alike
        <div key={at} className={classes.skeletonRow} style={{ opacity: 1 - at / (rows + 2) }}>
          <span className={classes.bone} style={{ width: `${38 - (at % 3) * 6}%` }} />
          <span className={classes.bone} style={{ width: '14%' }} />
        </div>
      ))}
    </div>
  )
}

/** A grey bar in the place of a figure. */
export function Bone({ width, height = 14 }: { width: number | string; height?: number }) {
  return <span className={classes.bone} style={{ width, height }} aria-hidden="true" />
}
