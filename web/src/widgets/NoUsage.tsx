import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { useHasEvents } from '@/api/usage'
import { Empty } from '@/ui/States'

/** Nothing to show: because of what is asked for, or because nothing was ever sent. */
export function NoUsage({ title, children }: { title: string; children: ReactNode }) {
  const { data: hasEvents } = useHasEvents()
  return (
    <Empty title={title}>
      {hasEvents === false ? <Link href="/">How to send the first event</Link> : children}
    </Empty>
  )
}
