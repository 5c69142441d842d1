import { useState } from 'react'
import { type Pin, type SavedView, useLayOut, usePins, useSavedViews } from '@/api/views'
import { messageOf, sentence } from '@/ui/States'
import { PinnedView } from './PinnedView'
import classes from './PinnedViews.module.css'

/** The views that somebody keeps in sight, in their own order. */
export default function PinnedViews() {
  const pins = usePins()
  const views = useSavedViews()
  const layOut = useLayOut()
  const [dragged, setDragged] = useState<string | null>(null)
  const [said, setSaid] = useState('')
  const all = pins.data ?? []
  const placed = all.flatMap((pin): [Pin, SavedView][] => {
    const saved = views.data?.find(({ id }) => id === pin.view)
    return saved ? [[pin, saved]] : []
  })
  if (placed.length === 0) return null

  /** Puts one where another stands. */
  const move = (id: string, to: number) => {
    const from = all.findIndex(({ view }) => view === id)
    const pin = all[from]
    if (!pin || from === to || to < 0 || to >= all.length) return
    layOut.mutate(all.toSpliced(from, 1).toSpliced(to, 0, pin))
    const name = views.data?.find((view) => view.id === id)?.name
    setSaid(`${name} is ${to + 1} of ${all.length} now`)
  }
  return (
    <section aria-label="My views">
      <p className="visually-hidden" role="status">
        {said}
      </p>
      {layOut.isError && (
        <p className="bad small" role="alert">
          {sentence(messageOf(layOut.error))}
        </p>
      )}
      <ul className={classes.grid}>
        {placed.map(([pin, saved]) => {
          const at = all.indexOf(pin)
          return (
            <li
              key={pin.view}
              className={pin.size === 'full' ? classes.full : undefined}
              data-dragged={dragged === pin.view || undefined}
              onDragOver={(event) => {
                if (dragged !== null) event.preventDefault()
              }}
              onDrop={(event) => {
                event.preventDefault()
                if (dragged !== null) move(dragged, at)
                setDragged(null)
              }}
            >
              <PinnedView
                saved={saved}
                size={pin.size ?? 'half'}
                place={`${at + 1} of ${all.length}`}
                move={(by) => move(pin.view, at + by)}
                drag={(isDragged) => setDragged(isDragged ? pin.view : null)}
                resize={(size) => layOut.mutate(all.with(at, { ...pin, size }))}
                unpin={() => layOut.mutate(all.toSpliced(at, 1))}
              />
            </li>
          )
        })}
      </ul>
    </section>
  )
}
