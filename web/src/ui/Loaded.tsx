import type { ReactNode } from 'react'
import { Failure, TableSkeleton } from './States'

/** As much of a query as its state is told by. */
export interface LoadingQuery<Data> {
  data: Data | undefined
  error: unknown
  isError: boolean
  refetch: () => void
}

interface LoadedProps<Data> {
  query: LoadingQuery<Data>
  /** What is shown, at the head of a sentence: `The keys`. */
  what: string
  /** What stands in its place meanwhile; rows of a table where nothing is said. */
  skeleton?: ReactNode
  /** Rows of that table. */
  rows?: number
  /** What still works when it could not be had. */
  still?: string
  /** What stands there instead of nothing. */
  empty?: ReactNode
  isEmpty?: (data: Data) => boolean
  children: (data: Data) => ReactNode
}

/**
 * What was asked for once it is there; until then its shape, and the reason where it cannot be had.
 * What was there stays when asking again fails.
 */
export function Loaded<Data>(props: LoadedProps<Data>) {
  const { query, what, still, skeleton, rows = 4, empty, isEmpty, children } = props
  if (query.data !== undefined) {
    if (empty !== undefined && isEmpty?.(query.data)) return <>{empty}</>
    return <>{children(query.data)}</>
  }
  if (query.isError) {
    return <Failure what={what} error={query.error} retry={query.refetch} still={still} />
  }
  return <>{skeleton ?? <TableSkeleton rows={rows} label={`${what}: loading`} />}</>
}
