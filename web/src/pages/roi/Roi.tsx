import { Select } from '@mantine/core'
import { useMemo } from 'react'
import { Link } from 'wouter'
import { type Roi as RoiAnswer, useRoi } from '@/api/roi'
import { useSession } from '@/api/session'
import { ChartSkeleton } from '@/charts/ChartSkeleton'
import { RoiChart } from '@/charts/RoiChart'
import { formatAmount, parseAmount } from '@/lib/amount'
import { csvName } from '@/lib/csv'
import { periodLabel } from '@/lib/period'
import {
  hasRevenue,
  otherRevenue,
  readGroup,
  readRule,
  revenueCommand,
  roiSeriesCsv,
  roiTrend,
} from '@/lib/roi'
import { type Every, fittingEvery, possibleEvery } from '@/lib/time'
import { CopyBlock } from '@/ui/CopyBlock'
import { CsvLink } from '@/ui/CsvLink'
import { Loaded } from '@/ui/Loaded'
import { Panel } from '@/ui/Panel'
import { useParam } from '@/view/useParam'
import { useScene, useView } from '@/view/useView'
import { useZoom } from '@/view/useZoom'
import { FilterBar } from '@/widgets/FilterBar'
import { MarksList } from '@/widgets/MarksList'
import { EVERY_LABELS, ShownSwitch } from '@/widgets/ShownSwitch'
import { UnpricedNote } from '@/widgets/UnpricedNote'
import { useMarks, usePlacedMarks } from '@/widgets/useMarks'
import { GroupsPanel } from './GroupsPanel'
import classes from './Roi.module.css'
import { RoiFigureCards } from './RoiFigureCards'
import { RoiSeriesTable } from './RoiSeriesTable'

const HEIGHT = 300

/** What spend brings in: revenue against it, over time and by what it is for. */
export default function Roi() {
  return (
    <div className={classes.page}>
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
        <Loaded
          query={roi}
          what="Revenue against spend"
          still="The overview and Explore still show what was spent."
          skeleton={<ChartSkeleton height={HEIGHT} />}
        >
          {() => null}
        </Loaded>
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
          {role !== 'admin' ? (
            'Ask an admin to have it posted.'
          ) : (
            <>
              Put a key that may send usage in place of KEY; you can{' '}
              <Link href="/people?new=key">make one</Link>.
            </>
          )}
        </p>
        {role === 'admin' && <CopyBlock text={revenueCommand(window.location.origin, now)} />}
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
  const scene = useScene()
  const { range, tz, now } = scene
  const zoom = useZoom()
  const { every, currency, series, total } = roi
  const marks = useMarks({ scene, filters: view.filters, measure: 'spend', enabled: true })
  const starts = useMemo(() => series.map(({ start }) => new Date(start)), [series])
  const placed = usePlacedMarks(marks, starts, every, tz)
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
            href={() => roiSeriesCsv(roi)}
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
            marks={placed}
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
      <MarksList
        marks={marks}
        scene={scene}
        filters={view.filters}
        isDrawn={view.shown !== 'table'}
      />
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
