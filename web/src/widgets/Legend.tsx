import { useMemo, useState } from 'react'
import { slotVariable } from '@/lib/colour'
import { type SeriesTable, withoutSeries } from '@/lib/series'
import classes from './Legend.module.css'

/** The series that are shown of a table, and what the legend does to them. */
export function useShownSeries(table: SeriesTable | undefined) {
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set())
  const shown = useMemo(() => table && withoutSeries(table, hidden), [table, hidden])
  const toggle = (key: string) => {
    setHidden((was) => {
      const next = new Set(was)
      if (!next.delete(key)) next.add(key)
      return next
    })
  }
  const showAlone = (key: string) => {
    const others = (table?.series ?? []).map((one) => one.key).filter((one) => one !== key)
    setHidden((was) => (others.every((one) => was.has(one)) ? new Set() : new Set(others)))
  }
  return { shown, hidden, toggle, showAlone }
}

interface LegendProps {
  table: SeriesTable
  hidden: ReadonlySet<string>
  toggle: (key: string) => void
  showAlone: (key: string) => void
}

/** The series by name and colour: pressed, one goes or comes; pressed twice, it stands alone. */
export function Legend({ table, hidden, toggle, showAlone }: LegendProps) {
  return (
    <ul className={classes.legend} aria-label="Series">
      {table.series.map(({ key, label, slot }) => (
        <li key={key}>
          <button
            type="button"
            className={classes.entry}
            aria-pressed={!hidden.has(key)}
            title="Press to hide or show; twice, or with Shift, to see it alone"
            onClick={(event) => {
              if (event.detail > 1 || event.shiftKey) showAlone(key)
              else toggle(key)
            }}
          >
            <span
              className={classes.swatch}
              style={{ background: slotVariable(slot) }}
              aria-hidden="true"
            />
            {label}
          </button>
        </li>
      ))}
    </ul>
  )
}
