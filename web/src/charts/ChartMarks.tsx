import { useState } from 'react'
import { MARK_WORDS, type Mark, type PlacedMarks } from '@/lib/marks'
import classes from './ChartMarks.module.css'
import type { Places } from './ReadableChart'

/** Lines where something happened, beneath the pointer. */
export function MarkLines({ placed, left, step }: { placed: PlacedMarks[] } & Places) {
  return placed.map(({ at, until }) => (
    <div key={at} aria-hidden="true">
      <div className={classes.line} style={{ left: left + at * step }} />
      {until > at && (
        <div
          className={classes.span}
          style={{ left: left + at * step, width: (until - at + 1) * step }}
        />
      )}
    </div>
  ))
}

/** The marks of one bar in words; the first of them is what is seen of it. */
function wordsOf(marks: Mark[]): string {
  const words = marks.map(({ kind, text }) => `${MARK_WORDS[kind]}: ${text}`).join('; ')
  return marks.length > 1 ? `${marks.length} marks: ${words}` : words
}

/** What happened, each a button at the top of its line that says it. */
export function MarkButtons({ placed, left, step, width }: { placed: PlacedMarks[] } & Places) {
  const [open, setOpen] = useState<number | null>(null)
  const shown = placed.find(({ at }) => at === open)
  const x = left + (open ?? 0) * step
  return (
    <div className={classes.lane}>
      {placed.map(({ at, marks }) => (
        <button
          key={at}
          type="button"
          className={classes.mark}
          data-kind={marks[0]?.kind}
          style={{ left: left + at * step }}
          aria-label={wordsOf(marks)}
          onPointerEnter={() => setOpen(at)}
          onPointerLeave={() => setOpen(null)}
          onFocus={() => setOpen(at)}
          onBlur={() => setOpen(null)}
          onClick={() => setOpen(at)}
        >
          {marks.length > 1 && <span>{marks.length}</span>}
        </button>
      ))}
      {shown && (
        <div
          className={classes.words}
          style={x > width * 0.6 ? { right: width - x + 12 } : { left: x + 12 }}
          aria-hidden="true"
        >
          {shown.marks.map(({ key, kind, text }) => (
            <p key={key}>
              <strong>{MARK_WORDS[kind]}</strong> {text}
            </p>
          ))}
        </div>
      )}
    </div>
  )
}
