import { Link, Redirect, useParams } from 'wouter'
import { useSavedViews } from '@/api/views'
import { linkOfSaved } from '@/lib/savedViews'
import { Empty, Failure, TableSkeleton } from '@/ui/States'

/** The link to a view: it leads to Explore, whose address has all of it. */
export default function ViewLink() {
  const { id } = useParams<{ id: string }>()
  const views = useSavedViews()
  const saved = views.data?.find((one) => one.id === id)
  if (saved) return <Redirect to={linkOfSaved(saved)} replace />
  if (views.isError) return <Failure what="The view" error={views.error} retry={views.refetch} />
  if (!views.data) return <TableSkeleton rows={6} label="The view is loading" />
  return (
    <Empty title="There is no such view">
      <p>It was removed, or whoever made it keeps it for themselves.</p>
      <Link href="/views">To the views</Link>
    </Empty>
  )
}
