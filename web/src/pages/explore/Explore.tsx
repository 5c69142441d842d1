import { Select } from '@mantine/core'
import { csvHref } from '@/api/usage'
import { ChartSkeleton } from '@/charts/ChartSkeleton'
import { SeriesChart } from '@/charts/SeriesChart'
import { SeriesTableView } from '@/charts/SeriesTableView'
import { csvName } from '@/lib/csv'
import { attributeLabel } from '@/lib/filters'
import { formatReading, MEASURES, type Measure } from '@/lib/measures'
import { periodLabel, previousLabel } from '@/lib/period'
import type { Every } from '@/lib/time'
import { CsvLink } from '@/ui/CsvLink'
import { Change, Figure } from '@/ui/Figures'
import { Panel } from '@/ui/Panel'
import { Bone, Failure } from '@/ui/States'
import { useSeries } from '@/view/useSeries'
import { useScene, useView } from '@/view/useView'
import { useDrill, useZoom } from '@/view/useZoom'
import { ByPicker } from '@/widgets/ByPicker'
import { FilterBar } from '@/widgets/FilterBar'
import { Legend, useShownSeries } from '@/widgets/Legend'
import { NoUsage } from '@/widgets/NoUsage'
import figures from '@/widgets/SeriesFigures.module.css'
import { EVERY_LABELS, ShownSwitch } from '@/widgets/ShownSwitch'
import classes from './Explore.module.css'
import { PivotPanel } from './PivotPanel'

const HEIGHT = 360

/** Any measure, by anything, over any time: the pivot of everything. The URL holds all of it. */
export default function Explore() {
  const [view, changeView] = useView()
  const scene = useScene()
  const { range, tz, now, currency } = scene
  const { measure, by } = view
  const { current, table, previous, base, every, possible, lineLabel } = useSeries(measure, by)
  const zoom = useZoom()
  const drill = useDrill(by, zoom)
  const legend = useShownSeries(table)
  const total = current.data?.total[measure]
  const period = periodLabel(view.period, now, tz)
  const what = MEASURES[measure].label
  const byText =
    by.length > 0 ? ` by ${by.map((one) => attributeLabel(one).toLowerCase()).join(', ')}` : ''
  const label = `${EVERY_LABELS[every]} ${what.toLowerCase()}${byText}, ${period}: ${formatReading(measure, total, currency)}`
  const drawing = { previous, measure, every, tz, now, currency, highlight: null }

  return (
    <div className={classes.page}>
      <div className={classes.tools}>
        <Select
          size="sm"
          w={232}
          label="Measure"
          searchable
          allowDeselect={false}
          value={measure}
          data={Object.entries(MEASURES).map(([value, { label }]) => ({ value, label }))}
          onChange={(value) =>
            value && changeView({ measure: value as Measure }, { replace: true })
          }
        />
        <ByPicker by={by} onChange={(next) => changeView({ by: next }, { replace: true })} />
        <Select
          size="sm"
          w={120}
          label="Every"
          allowDeselect={false}
          value={every}
          data={possible.map((value) => ({ value, label: EVERY_LABELS[value] }))}
          onChange={(value) => changeView({ every: value as Every }, { replace: true })}
        />
      </div>
      <FilterBar />
      <Panel
        title={`${what}, ${period.charAt(0).toLowerCase()}${period.slice(1)}`}
        actions={
          <>
            {current.data && (
              <CsvLink
                name={csvName(
                  [measure, 'by', ...(by.length > 0 ? [...by, 'and'] : []), every],
                  range,
                  tz,
                )}
                label="Save the series as CSV"
                href={csvHref('series', current.data.question)}
              />
            )}
            <ShownSwitch />
          </>
        }
      >
        <div className={figures.figures}>
          <span className={figures.total} data-testid="explore-total">
            {current.data ? (
              <Figure measure={measure} value={total} currency={currency} />
            ) : (
              <Bone width={110} height={22} />
            )}
          </span>
          {view.compare && current.data && (
            <Change
              measure={measure}
              now={total}
              base={base}
              against={previousLabel(view.period, now, tz)}
              currency={currency}
            />
          )}
          {previous && view.shown === 'chart' && (
            <span className={figures.legend}>
              <span className={figures.dash} aria-hidden="true" />
              {lineLabel}
            </span>
          )}
        </div>
        {current.isError && !table ? (
          <Failure what="The chart" error={current.error} retry={current.refetch} />
        ) : !table ? (
          <ChartSkeleton height={HEIGHT} />
        ) : table.series.length === 0 ? (
          <div style={{ height: HEIGHT }}>
            <NoUsage title="No usage in this period">
              Pick a longer one, or take a filter away.
            </NoUsage>
          </div>
        ) : view.shown === 'table' ? (
          <SeriesTableView data={table} height={HEIGHT} label={label} {...drawing} />
        ) : (
          <>
            <SeriesChart
              table={legend.shown ?? table}
              height={HEIGHT}
              label={label}
              onZoom={zoom}
              onPick={drill}
              {...drawing}
            />
            {by.length > 0 && <Legend table={table} {...legend} />}
          </>
        )}
      </Panel>
      <PivotPanel />
    </div>
  )
}
