import type { Annotation, ChangePoint, Link } from '@/wire'
import { estimated, formatAmount } from './amount'
import { startOfDay } from './time'

export type MarkKind = Annotation['kind'] | 'level'

/** Something that happened, as charts show it. */
export interface Mark {
  key: string
  kind: MarkKind
  text: string
  at: Date
  /** When it was over, where it took a time. */
  until: Date | null
  /** What says more. */
  link: Link | null
  /** What somebody wrote, by its id, where whoever looks may take it back. */
  id: string | null
  author: string | null
}

export const MARK_WORDS: Record<MarkKind, string> = {
  note: 'Note',
  price: 'Price',
  level: 'New level',
  alert: 'Alert',
  import: 'Import',
}

/** What the server knows of, as marks. */
export function marksOf(annotations: Annotation[]): Mark[] {
  return annotations.map(({ id, kind, text, at, until, link, author, changeable }) => ({
    key: id ?? `${kind} ${at} ${text}`,
    kind,
    text,
    at: new Date(at),
    until: until === null ? null : new Date(until),
    link,
    id: changeable ? id : null,
    author,
  }))
}

/** The days on which spend found another level, as marks. */
export function levelMarks(changes: ChangePoint[], tz: string, currency: string): Mark[] {
  return changes.map(({ date, before, after }) => ({
    key: `level ${date}`,
    kind: 'level',
    text: `From ${formatAmount(estimated(before), currency)} to ${formatAmount(estimated(after), currency)} a day`,
    at: startOfDay(date, tz),
    until: null,
    link: { to: 'insights' },
    id: null,
    author: null,
  }))
}

/** What happened in one bucket of a chart, or began in it. */
export interface PlacedMarks {
  /** The bucket. */
  at: number
  /** The last bucket that it reached. */
  until: number
  marks: Mark[]
}

/** The marks by the buckets that they stand in; those that are outside of the chart are left out. */
export function placedMarks(marks: Mark[], starts: Date[], end: Date): PlacedMarks[] {
  const [first] = starts
  if (!first) return []
  const bucketOf = (at: Date) => starts.findLastIndex((start) => start <= at)
  const placed = new Map<number, PlacedMarks>()
  for (const mark of marks) {
    const until = mark.until ?? mark.at
    if (until < first || mark.at >= end) continue
    const at = Math.max(0, bucketOf(mark.at))
    const known = placed.get(at) ?? { at, until: at, marks: [] }
    known.until = Math.max(known.until, bucketOf(until))
    known.marks.push(mark)
    placed.set(at, known)
  }
  return [...placed.values()].sort((a, b) => a.at - b.at)
}
