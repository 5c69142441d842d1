import { Button } from '@mantine/core'
import { IconPin, IconPinFilled } from '@tabler/icons-react'
import { Link } from 'wouter'
import { type SavedView, useSavedViews } from '@/api/views'
import { plural } from '@/lib/number'
import { periodLabel } from '@/lib/period'
import { linkOfSaved, SHOWN_WORDS, viewOfSaved, viewWords } from '@/lib/savedViews'
import { Panel } from '@/ui/Panel'
import { Empty, Failure, TableSkeleton } from '@/ui/States'
import { usePinning } from '@/view/usePinning'
import { useScene } from '@/view/useView'
import { type Column, DataTable } from '@/widgets/DataTable'
import classes from './Views.module.css'

/** Every view that was kept, one's own and those for all. */
export default function Views() {
  const views = useSavedViews()
  const { now, tz } = useScene()
  return (
    <Panel
      title="Views"
      note={views.data && plural(views.data.length, 'view')}
      flush
      actions={
        <Button component={Link} href="/explore" size="xs" variant="default">
          New view in Explore
        </Button>
      }
    >
      {views.isError && !views.data ? (
        <Failure what="The views" error={views.error} retry={views.refetch} />
      ) : !views.data ? (
        <TableSkeleton rows={6} label="The views are loading" />
      ) : views.data.length === 0 ? (
        <Empty title="No view is kept yet">
          <p className={classes.why}>
            A view is a question with a name: filters, measure, grouping, time and form. Put one
            together in Explore, save it, and pin it to your overview.
          </p>
        </Empty>
      ) : (
        <DataTable
          label="Views"
          rows={views.data}
          columns={columnsOf(now, tz)}
          rowKey={({ id }) => id}
        />
      )}
    </Panel>
  )
}

function columnsOf(now: Date, tz: string): Column<SavedView>[] {
  return [
    {
      id: 'name',
      title: 'Name',
      isHeading: true,
      className: classes.name,
      order: ({ name }) => name,
      cell: (saved) => (
        <Link data-row href={linkOfSaved(saved)}>
          {saved.name}
        </Link>
      ),
    },
    {
      id: 'what',
      title: 'What it shows',
      isWide: true,
      className: classes.what,
      cell: (saved) => viewWords(viewOfSaved(saved)),
    },
    {
      id: 'period',
      title: 'Period',
      cell: (saved) => periodLabel(viewOfSaved(saved).period, now, saved.tz ?? tz),
    },
    {
      id: 'form',
      title: 'Form',
      isWide: true,
      order: (saved) => SHOWN_WORDS[viewOfSaved(saved).shown],
      cell: (saved) => SHOWN_WORDS[viewOfSaved(saved).shown],
    },
    {
      id: 'audience',
      title: 'Whose',
      order: whose,
      cell: whose,
    },
    {
      id: 'pin',
      title: 'Overview',
      cell: (saved) => <PinButton saved={saved} />,
    },
  ]
}

function whose({ audience, mine, owner }: SavedView): string {
  if (audience === 'owner') return 'Mine'
  return mine ? 'For all' : `For all, by ${owner}`
}

function PinButton({ saved }: { saved: SavedView }) {
  const { isPinned, isReady, toggle } = usePinning(saved.id)
  const Icon = isPinned ? IconPinFilled : IconPin
  return (
    <Button
      size="compact-sm"
      variant="subtle"
      color="gray"
      disabled={!isReady}
      aria-pressed={isPinned}
      aria-label={`${saved.name} on my overview`}
      leftSection={<Icon size={14} aria-hidden="true" />}
      onClick={toggle}
    >
      {isPinned ? 'Pinned' : 'Pin'}
    </Button>
  )
}
