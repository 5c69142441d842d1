import { ActionIcon, Menu } from '@mantine/core'
import { IconDots, IconGripVertical } from '@tabler/icons-react'
import { useMemo } from 'react'
import { Link } from 'wouter'
import type { Pin, SavedView } from '@/api/views'
import { formatReading, MEASURES } from '@/lib/measures'
import { periodLabel, previousLabel } from '@/lib/period'
import { filterWords, linkOfSaved, viewOfSaved } from '@/lib/savedViews'
import { Change, Figure } from '@/ui/Figures'
import { Panel } from '@/ui/Panel'
import { Bone } from '@/ui/States'
import { useSceneOf } from '@/view/useView'
import { PictureView } from '@/widgets/PictureView'
import { useMarks } from '@/widgets/useMarks'
import { usePicture } from '@/widgets/usePicture'
import { PinnedTable } from './PinnedTable'
import classes from './PinnedViews.module.css'

const HEIGHT = 204

interface PinnedViewProps {
  saved: SavedView
  size: NonNullable<Pin['size']>
  /** `2 of 3` */
  place: string
  /** Moves it by so many places. */
  move: (by: number) => void
  drag: (isDragged: boolean) => void
  resize: (size: NonNullable<Pin['size']>) => void
  unpin: () => void
}

/** A kept view on the overview: its figure, its picture, and where it stands. */
export function PinnedView(props: PinnedViewProps) {
  const { saved } = props
  const view = useMemo(() => viewOfSaved(saved), [saved])
  const scene = useSceneOf(view)
  const { now, tz, currency } = scene
  const { measure, by } = view
  const picture = usePicture(scene, measure, by, view.shown)
  const marks = useMarks({
    scene,
    filters: view.filters,
    measure,
    enabled: picture.current.data !== undefined && picture.form !== 'table',
  })
  const total = picture.current.data?.total[measure]
  const period = periodLabel(view.period, now, tz)
  const where = filterWords(view.filters)
  const isTable = picture.form === 'table' && by.length > 0
  return (
    <Panel
      title={
        <Link className={classes.name} href={linkOfSaved(saved)}>
          {saved.name}
        </Link>
      }
      note={[period, where].filter(Boolean).join(', ')}
      actions={<Acts {...props} />}
      className={classes.panel}
      flush={isTable}
    >
      {isTable ? (
        <PinnedTable saved={saved} scene={scene} />
      ) : (
        <>
          <p className={classes.figure}>
            <strong>
              {picture.current.data ? (
                <Figure measure={measure} value={total} currency={currency} />
              ) : (
                <Bone width={90} height={18} />
              )}
            </strong>
            {view.compare && picture.current.data && (
              <Change
                measure={measure}
                now={total}
                base={picture.base}
                against={previousLabel(view.period, now, tz)}
                currency={currency}
              />
            )}
          </p>
          <PictureView
            picture={picture}
            label={`${saved.name}: ${MEASURES[measure].label.toLowerCase()}, ${period}: ${formatReading(measure, total, currency)}`}
            height={HEIGHT}
            marks={marks}
          />
        </>
      )}
    </Panel>
  )
}

/** A handle that is dragged, or moved with the arrow keys, and the same acts by name. */
function Acts({ saved, size, place, move, drag, resize, unpin }: PinnedViewProps) {
  return (
    <>
      <button
        type="button"
        draggable
        className={classes.handle}
        aria-label={`Move ${saved.name}, ${place}, with the arrow keys`}
        title="Drag, or move with the arrow keys"
        onDragStart={(event) => {
          event.dataTransfer.effectAllowed = 'move'
          event.dataTransfer.setData('text/plain', saved.name)
          drag(true)
        }}
        onDragEnd={() => drag(false)}
        onKeyDown={(event) => {
          const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key]
          if (by === undefined) return
          event.preventDefault()
          move(by)
        }}
      >
        <IconGripVertical size={16} aria-hidden="true" />
      </button>
      <Menu position="bottom-end" width={190}>
        <Menu.Target>
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={`More about ${saved.name} on the overview`}
          >
            <IconDots size={16} aria-hidden="true" />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item component={Link} href={linkOfSaved(saved)}>
            Open in Explore
          </Menu.Item>
          <Menu.Item onClick={() => resize(size === 'full' ? 'half' : 'full')}>
            {size === 'full' ? 'Half of the width' : 'All of the width'}
          </Menu.Item>
          <Menu.Item onClick={() => move(-1)}>Move it forward</Menu.Item>
          <Menu.Item onClick={() => move(1)}>Move it back</Menu.Item>
          <Menu.Divider />
          <Menu.Item onClick={unpin}>Take it off the overview</Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </>
  )
}
