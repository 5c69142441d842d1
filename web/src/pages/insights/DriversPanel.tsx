import { Link } from 'wouter'
import { type Driver, type Drivers, useDrivers } from '@/api/insights'
import {
  formatAmountAt,
  formatAmountExactly,
  type Precision,
  parseAmount,
  precisionOf,
} from '@/lib/amount'
import { OTHER_KEY } from '@/lib/colour'
import { attributeLabel } from '@/lib/filters'
import { driverFilters, driverNames, foldDrivers, reasonWords, waterfall } from '@/lib/insights'
import { changeOf } from '@/lib/measures'
import { formatChange } from '@/lib/number'
import { previousLabel } from '@/lib/period'
import { Loaded } from '@/ui/Loaded'
import { Panel } from '@/ui/Panel'
import { Sideways } from '@/ui/Sideways'
import { Empty } from '@/ui/States'
import table from '@/ui/table.module.css'
import { linkTo, useScene, useView } from '@/view/useView'
import { ByPicker } from '@/widgets/ByPicker'
import { NameLink } from '@/widgets/NameLink'
import classes from './Insights.module.css'

/** Steps of the waterfall; what is smaller is one more. */
const STEPS_MAX = 10

/** What moved spend between the period before and this one, in parts that sum to the change. */
export function DriversPanel() {
  const { range, tz, now } = useScene()
  const [view, changeView] = useView()
  const drivers = useDrivers({ range, by: view.by, tz, filters: view.filters })
  return (
    <Panel
      title="What moved spend"
      note={`Compared with ${previousLabel(view.period, now, tz)}`}
      flush
      actions={
        <ByPicker isCompact by={view.by} onChange={(by) => changeView({ by }, { replace: true })} />
      }
    >
      {view.by.length === 0 ? (
        <Empty title="Pick what to look at">A provider, a model, a team or a tag.</Empty>
      ) : (
        <Loaded
          query={drivers}
          what="What moved spend"
          rows={6}
          isEmpty={({ rows }) => rows.length === 0}
          empty={<Empty title="Nothing was spent in either period" />}
        >
          {(data) => <Waterfall drivers={data} />}
        </Loaded>
      )}
    </Panel>
  )
}

function Waterfall({ drivers }: { drivers: Drivers }) {
  const { view, currency } = useScene()
  const rows = foldDrivers(drivers.rows, STEPS_MAX)
  const { before, after, steps } = waterfall({ ...drivers, rows })
  const precision = precisionOf(
    [drivers.before, drivers.after, ...rows.map((row) => row.change)].map(parseAmount),
  )
  const change = changeOf(parseAmount(drivers.after), parseAmount(drivers.before))
  return (
    <Sideways label="Figures, row by row">
      <table className={`${table.table} ${classes.waterfall}`}>
        <thead>
          <tr>
            <th scope="col">{view.by.map(attributeLabel).join(', ')}</th>
            <th scope="col" className={classes.barCell}>
              <span className="visually-hidden">Waterfall</span>
            </th>
            <th scope="col" className={table.right}>
              Change
            </th>
            {PARTS.map(({ label, meaning }) => (
              <th key={label} scope="col" className={table.right} title={meaning}>
                {label}
              </th>
            ))}
            <th scope="col">Mostly</th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">Before</th>
            <td className={classes.barCell}>
              <Track left={0} width={before} kind="whole" />
            </td>
            <td className={table.right}>
              <Money amount={drivers.before} currency={currency} precision={precision} />
            </td>
            <td colSpan={4} />
          </tr>
          {steps.map(({ driver, left, width, isMore }) => (
            <tr key={driver.other ? OTHER_KEY : driverNames(driver, view.by).join('\n')}>
              <th scope="row" className={classes.driver}>
                {driver.other ? 'Other' : <DriverLink driver={driver} />}
              </th>
              <td className={classes.barCell}>
                <Track left={left} width={width} kind={isMore ? 'more' : 'less'} />
              </td>
              <td className={table.right}>
                <Money amount={driver.change} currency={currency} precision={precision} signed />
              </td>
              <Parts of={driver} currency={currency} precision={precision} />
              <td>{driver.other ? '' : reasonWords(driver)}</td>
            </tr>
          ))}
          <tr className={classes.total}>
            <th scope="row">Change</th>
            <td className={classes.barCell} />
            <td className={table.right}>
              <Money amount={drivers.change} currency={currency} precision={precision} signed />
            </td>
            <Parts of={drivers} currency={currency} precision={precision} />
            <td>{change !== null && formatChange(change)}</td>
          </tr>
          <tr className={classes.total}>
            <th scope="row">Now</th>
            <td className={classes.barCell}>
              <Track left={0} width={after} kind="whole" />
            </td>
            <td className={table.right}>
              <Money amount={drivers.after} currency={currency} precision={precision} />
            </td>
            <td colSpan={4} />
          </tr>
        </tbody>
      </table>
    </Sideways>
  )
}

/** What a change is made of. */
const PARTS = [
  { part: 'volume', label: 'Volume', meaning: 'More or fewer requests, at what one cost before' },
  { part: 'price', label: 'Price', meaning: 'What requests of the same model cost more or less' },
  {
    part: 'mix',
    label: 'Mix',
    meaning: 'Requests that moved to more expensive or cheaper models or groups',
  },
] as const

interface PartsProps {
  of: Record<(typeof PARTS)[number]['part'], string>
  currency: string
  precision: Precision
}

function Parts({ of, currency, precision }: PartsProps) {
  return PARTS.map(({ part }) => (
    <td key={part} className={table.right}>
      <Money amount={of[part]} currency={currency} precision={precision} signed />
    </td>
  ))
}

/** A driver's name, which leads to its usage. */
function DriverLink({ driver }: { driver: Driver }) {
  const { view } = useScene()
  const own = driverNames(driver, view.by)
  const [attribute] = view.by
  // One name has a page of its own; several together have their usage.
  if (attribute && own.length === 1 && own[0])
    return <NameLink attribute={attribute} name={own[0]} />
  const names = own.map((name) => name || 'not set')
  return (
    <Link
      href={linkTo('/explore', {
        ...view,
        filters: driverFilters(driver, view.by, view.filters),
        shown: 'chart',
      })}
    >
      {names.join(', ')}
    </Link>
  )
}

function Track({ left, width, kind }: { left: number; width: number; kind: string }) {
  return (
    <span className={classes.track} aria-hidden="true">
      <span data-kind={kind} style={{ left: `${left}%`, width: `${width}%` }} />
    </span>
  )
}

interface MoneyProps {
  amount: string
  currency: string
  precision: Precision
  /** Whether more is told by a plus. */
  signed?: boolean
}

function Money({ amount, currency, precision, signed }: MoneyProps) {
  const parsed = parseAmount(amount)
  if (signed && parsed === 0n) return <span className="muted">–</span>
  return (
    <span className="number" title={formatAmountExactly(parsed, currency)}>
      {signed && parsed > 0n && '+'}
      {formatAmountAt(parsed, precision, currency)}
    </span>
  )
}
