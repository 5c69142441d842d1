import { SegmentedControl, Select } from '@mantine/core'
import { Link } from 'wouter'
import { type Roi as RoiAnswer, type RoiRow, useRoi } from '@/api/roi'
import { useSession } from '@/api/session'
import { ChartSkeleton } from '@/charts/ChartSkeleton'
import { RoiChart } from '@/charts/RoiChart'
import { formatAmount, type Precision, parseAmount, precisionOf } from '@/lib/amount'
import { csvDataHref, csvName } from '@/lib/csv'
import { type Attribute, attributeLabel } from '@/lib/filters'
import { formatCountExactly, plural } from '@/lib/number'
import { periodLabel } from '@/lib/period'
import {
  DEFAULT_GROUP,
  hasRevenue,
  otherRevenue,
  RULES,
  readGroup,
  readRule,
  revenueCommand,
  roiFilters,
  roiGroupsCsv,
  roiName,
  roiSeriesCsv,
  roiTrend,
  shareText,
} from '@/lib/roi'
import { type Every, fittingEvery, possibleEvery } from '@/lib/time'
import { CopyBlock } from '@/ui/CopyBlock'
import { CsvLink } from '@/ui/CsvLink'
import { Figure, Spend } from '@/ui/Figures'
import { Panel } from '@/ui/Panel'
import { Sideways } from '@/ui/Sideways'
import { Empty, Failure, sentence, TableSkeleton } from '@/ui/States'
import table from '@/ui/table.module.css'
import { AttributeSelect } from '../frame/AttributeSelect'
import { FilterBar } from '../frame/FilterBar'
import { useParam } from '../frame/useParam'
import { linkTo, useScene, useView } from '../frame/useView'
import { useZoom } from '../frame/useZoom'
import { EVERY_LABELS, ShownSwitch } from '../overview/SpendPanel'
import { UnpricedNote } from '../overview/UnpricedNote'
import classes from './Roi.module.css'
import { RoiFigureCards } from './RoiFigureCards'
import { RoiSeriesTable } from './RoiSeriesTable'

const HEIGHT = 300
/** More rows would be a list to search; a filter does that. */
const ROWS_MAX = 100

/** What spend brings in: revenue against it, over time and by what it is for. */
export default function Roi() {
  return (
    <div className={classes.page}>
      <h1 className="visually-hidden">ROI</h1>
      <FilterBar />
      <RoiPanels />
    </div>
  )
}

function RoiPanels() {
  const { view, range, tz } = useScene()
  const [ruleAsked] = useParam('rule')
  const [groupAsked] = useParam('group')
  const possible = possibleEvery(range)
  const every = view.every && possible.includes(view.every) ? view.every : fittingEvery(range)
  const roi = useRoi({
    range,
    tz,
    by: readGroup(groupAsked),
    every,
    rule: readRule(ruleAsked),
    filters: view.filters,
  })
  if (!roi.data) {
    return (
      <Panel title="Revenue and spend" flush={roi.isError}>
        {roi.isError ? (
          <Failure
            what="Revenue against spend"
            error={roi.error}
            retry={roi.refetch}
            still="The overview and Explore still show what was spent."
          />
        ) : (
          <ChartSkeleton height={HEIGHT} />
        )}
      </Panel>
    )
  }
  const earns = hasRevenue(roi.data)
  const isEmpty = !earns && roi.data.rows.length === 0
  return (
    <>
      {!earns && <NoRevenue />}
      {!isEmpty && <RoiFigureCards roi={roi.data} />}
      <UnpricedNote />
      {!isEmpty && <CoursePanel roi={roi.data} possible={possible} />}
      <GroupsPanel roi={roi.data} by={roi.data.by} isStale={roi.isPlaceholderData} />
    </>
  )
}

/** How revenue gets onto this page. */
function NoRevenue() {
  const { role } = useSession()
  const { now } = useScene()
  return (
    <Panel title="No revenue in this period">
      <div className={classes.first}>
        <p className="muted">
          Post what customers paid, one by one or as a list, and it is held against what was spent.
          An attribute such as the service says what it was for; without one it is shared out by the
          rule below.{' '}
          {role === 'viewer' ? (
            'Ask an admin for a key.'
          ) : (
            <>
              Put a key that may send usage in place of KEY; you make one in{' '}
              <Link href="/settings">Settings</Link>.
            </>
          )}
        </p>
        <CopyBlock text={revenueCommand(window.location.origin, now)} />
      </div>
    </Panel>
  )
}

interface CoursePanelProps {
  roi: RoiAnswer
  possible: Every[]
}

function CoursePanel({ roi, possible }: CoursePanelProps) {
  const [view, changeView] = useView()
  const { range, tz, now } = useScene()
  const zoom = useZoom()
  const { every, currency, series, total } = roi
  const money = (text: string) => formatAmount(parseAmount(text), currency)
  const label = `${EVERY_LABELS[every]} revenue, spend and profit, ${periodLabel(view.period, now, tz)}: ${money(total.revenue)} revenue, ${money(total.spend)} spend`
  return (
    <Panel
      title="Revenue and spend"
      note={`${currency}, days of ${tz}. ${roiTrend(roi)}.`}
      actions={
        <>
          <Select
            size="xs"
            w={98}
            aria-label="Every"
            allowDeselect={false}
            value={every}
            data={possible.map((value) => ({ value, label: EVERY_LABELS[value] }))}
            onChange={(value) => changeView({ every: value as Every }, { replace: true })}
          />
          <CsvLink
            name={csvName(['revenue-and-spend-by', every], range, tz)}
            label="Save revenue and spend as CSV"
            href={csvDataHref(roiSeriesCsv(roi))}
          />
          <ShownSwitch />
        </>
      }
    >
      {view.shown === 'table' ? (
        <RoiSeriesTable roi={roi} tz={tz} now={now} height={HEIGHT} label={label} />
      ) : (
        <>
          <RoiChart
            label={label}
            height={HEIGHT}
            buckets={series}
            every={every}
            tz={tz}
            now={now}
            currency={currency}
            onZoom={zoom}
          />
          <p className={classes.legend} aria-hidden="true">
            <span>
              <i className={classes.keyRevenue} /> revenue
            </span>
            <span>
              <i className={classes.keySpend} /> spend
            </span>
            <span>
              <i className={classes.keyProfit} /> profit
            </span>
          </p>
        </>
      )}
      <OtherCurrencies roi={roi} />
    </Panel>
  )
}

function OtherCurrencies({ roi }: { roi: RoiAnswer }) {
  const others = otherRevenue(roi)
  if (!others) return null
  return (
    <p className={classes.note}>
      {others} of revenue are in other currencies, and not in these figures, which are in{' '}
      {roi.currency}.
    </p>
  )
}

interface GroupsPanelProps {
  roi: RoiAnswer
  by: Attribute
  isStale: boolean
}

function GroupsPanel({ roi, by, isStale }: GroupsPanelProps) {
  const [asked, ask] = useParam('rule')
  const [, group] = useParam('group')
  const { range, tz } = useScene()
  return (
    <Panel
      title={`By ${attributeLabel(by).toLowerCase()}`}
      note={sentence(roi.rule.text)}
      flush
      actions={
        <>
          <SegmentedControl
            size="xs"
            aria-label="How shared revenue is shared out"
            data={Object.entries(RULES).map(([value, label]) => ({ value, label }))}
            value={readRule(asked)}
            onChange={(rule) => ask(rule === 'spend' ? null : rule, { replace: true })}
          />
          <AttributeSelect
            label="Group by"
            hidesLabel
            size="xs"
            value={by}
            onChange={(next) => group(next === DEFAULT_GROUP ? null : next, { replace: true })}
          />
          {roi.rows.length > 0 && (
            <CsvLink
              name={csvName(['revenue-and-spend-by', by], range, tz)}
              label="Save the groups as CSV"
              href={csvDataHref(roiGroupsCsv(roi, by))}
            />
          )}
        </>
      }
    >
      {isStale && roi.rows.length === 0 ? (
        <TableSkeleton rows={4} label="The groups are loading" />
      ) : roi.rows.length === 0 ? (
        <Empty title="Nothing was spent or earned in this period" />
      ) : (
        <>
          <GroupsTable roi={roi} by={by} />
          {roi.rows.length > ROWS_MAX && (
            <p className={classes.more}>
              The first {ROWS_MAX} of {plural(roi.rows.length, 'row')}. A filter brings up the
              others.
            </p>
          )}
        </>
      )}
    </Panel>
  )
}

function GroupsTable({ roi, by }: { roi: RoiAnswer; by: Attribute }) {
  const { view } = useScene()
  const far = table.right
  const precision = precisionOf(
    roi.rows.flatMap(({ revenue, spend, profit }) => [revenue, spend, profit].map(parseAmount)),
  )
  return (
    <Sideways label="Figures, row by row">
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col" className={classes.head}>
              {attributeLabel(by)}
            </th>
            <th scope="col" className={table.right}>
              Revenue
            </th>
            <th scope="col" className={far}>
              Its own
            </th>
            <th scope="col" className={far}>
              Shared out
            </th>
            <th scope="col" className={table.right}>
              Spend
            </th>
            <th scope="col" className={table.right}>
              Profit
            </th>
            <th scope="col" className={far} title="Profit as a part of revenue">
              Margin
            </th>
            <th scope="col" className={far} title="Profit as a part of spend">
              ROI
            </th>
            <th
              scope="col"
              className={far}
              title="Those that say they are its own; they are not shared"
            >
              Purchases
            </th>
            <th scope="col" className={far}>
              Spend each
            </th>
          </tr>
        </thead>
        <tbody>
          {roi.rows.slice(0, ROWS_MAX).map((row) => (
            <tr key={row.group[by] ?? ''}>
              <th scope="row" className={classes.name}>
                <Link
                  title="The usage behind it"
                  href={linkTo('/explore', {
                    ...view,
                    by: ['model'],
                    filters: roiFilters(row, by, view.filters),
                    shown: 'chart',
                  })}
                >
                  {roiName(row, by)}
                </Link>
              </th>
              <RowCells row={row} currency={roi.currency} precision={precision} />
            </tr>
          ))}
        </tbody>
      </table>
    </Sideways>
  )
}

function RowCells({
  row,
  currency,
  precision,
}: {
  row: RoiRow
  currency: string
  precision: Precision
}) {
  const far = table.right
  const money = (text: string | null) =>
    text === null ? (
      <span className="muted">–</span>
    ) : (
      <Figure measure="spend" value={parseAmount(text)} currency={currency} precision={precision} />
    )
  return (
    <>
      <td className={table.right}>{money(row.revenue)}</td>
      <td className={far}>{money(row.attributed.direct)}</td>
      <td className={far}>{money(row.attributed.shared)}</td>
      <td className={table.right}>
        <Spend
          spend={parseAmount(row.spend)}
          unpriced={row.unpriced}
          currency={currency}
          precision={precision}
        />
      </td>
      <td className={table.right}>{money(row.profit)}</td>
      <td className={far}>{shareText(row.margin)}</td>
      <td className={far}>{shareText(row.roi)}</td>
      <td className={far}>{formatCountExactly(row.purchases)}</td>
      <td className={far}>{money(row.spend_per_purchase)}</td>
    </>
  )
}
