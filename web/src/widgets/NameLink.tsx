import { IconFilter } from '@tabler/icons-react'
import { Link } from 'wouter'
import { type Attribute, attributeLabel, type Filter } from '@/lib/filters'
import { namePath } from '@/lib/names'
import { DEFAULT_VIEW } from '@/lib/view'
import { linkTo, useView } from '@/view/useView'
import classes from './NameLink.module.css'

interface NameLinkProps {
  attribute: Attribute
  name: string | null | undefined
  /** What the page is narrowed to besides, and stays so. */
  filters?: Filter[]
  /** Whether the arrow keys move to it in a table. */
  isRow?: boolean
  /** Narrows the page to the name without leaving it. */
  narrow?: () => void
  /** What a press leads away from, e.g. a drawer that closes. */
  onFollow?: () => void
  onFocus?: () => void
  onBlur?: () => void
}

const NONE: Filter[] = []

/** A name that leads to its page, in the same period. */
export function NameLink({
  attribute,
  name,
  isRow,
  narrow,
  onFollow,
  filters = NONE,
  ...focus
}: NameLinkProps) {
  const [view] = useView()
  if (!name) return <span className="muted">not set</span>
  const { period, tz, compare } = view
  return (
    <span className={classes.name}>
      <Link
        href={linkTo(namePath(attribute, name), { ...DEFAULT_VIEW, period, tz, compare, filters })}
        className={classes.link}
        title={`${attributeLabel(attribute)} ${name}`}
        data-row={isRow || undefined}
        onClick={(event) => {
          event.stopPropagation()
          onFollow?.()
        }}
        {...focus}
      >
        {name}
      </Link>
      {narrow && (
        <button
          type="button"
          className={classes.narrow}
          aria-label={`${name}, show only this`}
          title="Show only this"
          onClick={(event) => {
            event.stopPropagation()
            narrow()
          }}
        >
          <IconFilter size={13} aria-hidden="true" />
        </button>
      )}
    </span>
  )
}
