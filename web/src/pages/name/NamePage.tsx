import { Button } from '@mantine/core'
import { useEffect, useMemo } from 'react'
import { Link, useLocation } from 'wouter'
import { useSession } from '@/api/session'
import { useWasUsed } from '@/api/usage'
import { type Attribute, attributeLabel, type Filter, isAttribute, withOnly } from '@/lib/filters'
import type { Measure } from '@/lib/measures'
import { readNamePath } from '@/lib/names'
import { DEFAULT_VIEW, viewQuery } from '@/lib/view'
import { Empty } from '@/ui/States'
import { useParam } from '@/view/useParam'
import { linkTo, useView } from '@/view/useView'
import { AttributeSelect } from '@/widgets/AttributeSelect'
import { EventsPanel } from '@/widgets/EventsPanel'
import { FilterBar } from '@/widgets/FilterBar'
import { SpendDaysPanel } from '@/widgets/SpendDays'
import { UsageTable } from '@/widgets/UsageTable'
import { AboutPanel } from './AboutPanel'
import { CreditPanel } from './CreditPanel'
import { NameFigures } from './NameFigures'
import classes from './NamePage.module.css'
import { TokenMixPanel } from './TokenMixPanel'
import { UnknownName } from './UnknownName'
import { useNameTotal } from './useNameTotal'

const MEASURES: Measure[] = ['spend', 'requests', 'tokens', 'errors', 'latency_p95_ms']
const OPTIONAL: Measure[] = ['input_tokens', 'output_tokens', 'cache_read_tokens', 'latency_p50_ms']

/** Everything about a name: a model, a provider, an account, somebody, a team, a tag's value. */
export default function NamePage() {
  // Drawn again when the address changes, which is then read as it was written.
  useLocation()
  const about = readNamePath(window.location.pathname)
  if (!about) {
    return (
      <Empty title="There is no such page">
        <Link href="/">To the overview</Link>
      </Empty>
    )
  }
  return <AboutName key={`${about.attribute} ${about.name}`} {...about} />
}

interface About {
  attribute: Attribute
  name: string
}

function AboutName({ attribute, name }: About) {
  const [view] = useView()
  const filters = useMemo(
    () => withOnly(view.filters, attribute, name),
    [view.filters, attribute, name],
  )
  useEffect(() => {
    document.title = `${name} · Outlay`
  }, [name])
  const isUnknown = useIsUnknown({ attribute, name }, filters)
  return (
    <div className={classes.page}>
      <header className={classes.head}>
        <div className={classes.words}>
          <p className="muted small">{attributeLabel(attribute)}</p>
          <h1 className={classes.title}>{name}</h1>
        </div>
        {!isUnknown && <Actions attribute={attribute} name={name} filters={filters} />}
      </header>
      {isUnknown ? (
        <>
          <UnknownName attribute={attribute} name={name} />
          {attribute === 'account' && <CreditPanel account={name} />}
          <AboutPanel attribute={attribute} name={name} />
        </>
      ) : (
        <UsageOfName attribute={attribute} name={name} filters={filters} />
      )}
    </div>
  )
}

/** Whether no usage ever had the name; looked for only where there is none in the period. */
function useIsUnknown({ attribute, name }: About, filters: Filter[]): boolean {
  const { data } = useNameTotal(filters)
  const isQuiet = data !== undefined && Number(data.total.requests ?? 0) === 0
  const wasUsed = useWasUsed(withOnly([], attribute, name), { enabled: isQuiet })
  return isQuiet && wasUsed.data === false
}

/** What was used of a name. */
function UsageOfName({ attribute, name, filters }: About & { filters: Filter[] }) {
  const [byAsked, askBy] = useParam('by')
  const by = byAsked && isAttribute(byAsked) ? byAsked : usualBy(attribute)
  const groups = useMemo(() => [by], [by])
  return (
    <>
      <FilterBar />
      <NameFigures filters={filters} />
      <SpendDaysPanel filters={filters} />
      <div className={classes.pair}>
        <UsageTable
          title={`By ${attributeLabel(by).toLowerCase()}`}
          by={groups}
          filters={filters}
          measures={MEASURES}
          optional={OPTIONAL}
          keeps
          actions={
            <AttributeSelect
              label="Break down by"
              hidesLabel
              size="xs"
              value={by}
              without={[attribute]}
              onChange={(next) => askBy(next, { replace: true })}
            />
          }
        />
        <div className={classes.side}>
          {attribute === 'account' && <CreditPanel account={name} />}
          <TokenMixPanel filters={filters} />
          <AboutPanel attribute={attribute} name={name} />
        </div>
      </div>
      <EventsPanel filters={filters} />
    </>
  )
}

/** What a name is broken down by where nobody chose. */
function usualBy(attribute: Attribute): Attribute {
  return attribute === 'model' ? 'account' : 'model'
}

/** What can be done about a name, by whoever looks. */
function Actions({ attribute, name, filters }: About & { filters: Filter[] }) {
  const [view] = useView()
  const { role } = useSession()
  const only = withOnly([], attribute, name)
  const scoped = viewQuery({ ...DEFAULT_VIEW, filters: only })
  return (
    <div className={classes.actions}>
      <Button
        component={Link}
        href={linkTo('/explore', { ...view, filters, by: [usualBy(attribute)] })}
        size="xs"
        variant="default"
      >
        Explore
      </Button>
      <Button
        component={Link}
        href={`${linkTo('/explore', { ...view, filters, by: [usualBy(attribute)] })}&save=1`}
        size="xs"
        variant="default"
      >
        Keep as view
      </Button>
      {role === 'admin' && (
        <>
          <Button component={Link} href={`/alerts?rule=new&${scoped}`} size="xs" variant="default">
            Watch it
          </Button>
          <Button component={Link} href={`/budgets?edit=new&${scoped}`} size="xs">
            New budget
          </Button>
        </>
      )}
    </div>
  )
}
