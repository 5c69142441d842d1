import { SegmentedControl, Select } from '@mantine/core'
import { IconChartBar, IconTable } from '@tabler/icons-react'
import { ChartSkeleton } from '@/charts/ChartSkeleton'
import { SeriesChart } from '@/charts/SeriesChart'
import { SeriesTableView } from '@/charts/SeriesTableView'
import { attributeLabel } from '@/lib/filters'
import { formatReading } from '@/lib/measures'
import { periodLabel, previousLabel } from '@/lib/period'
import type { Every } from '@/lib/time'
import { Change, Figure } from '@/ui/Figures'
import { Panel } from '@/ui/Panel'
import { Bone, Empty, Failure } from '@/ui/States'
import { AttributeSelect } from '../frame/AttributeSelect'
import { useSeries } from '../frame/useSeries'
import { useScene, useView } from '../frame/useView'
import { useZoom } from '../frame/useZoom'
import classes from './SpendPanel.module.css'

const HEIGHT = 316

export const EVERY_LABELS: Record<Every, string> = {
  hour: 'Hourly',
  day: 'Daily',
  week: 'Weekly',
  month: 'Monthly',
}

/** Spend over the period, stacked by what people choose. */
export function SpendPanel({ highlight }: { highlight: string | null }) {
  const [view, changeView] = useView()
  const scene = useScene()
  const { tz, now, currency } = scene
  const by = view.by.slice(0, 1)
  const { current, table, previous, base, every, possible, lineLabel } = useSeries('spend', by)
  const zoom = useZoom()
  const attribute = by[0] ?? 'provider'
  const total = current.data?.total.spend
  const period = periodLabel(view.period, now, tz)
  const label = `${EVERY_LABELS[every]} spend by ${attributeLabel(attribute).toLowerCase()}, ${period}: ${formatReading('spend', total, currency)}`
  const drawing = { previous, measure: 'spend' as const, every, tz, now, currency, highlight }

  return (
    <Panel
      title={`Spend, ${period.charAt(0).toLowerCase()}${period.slice(1)}`}
      actions={
        <>
          <AttributeSelect
            label="Stack by"
            hidesLabel
            size="xs"
            value={attribute}
            onChange={(next) => changeView({ by: [next] }, { replace: true })}
          />
          <Select
            size="xs"
            w={98}
            aria-label="Every"
            allowDeselect={false}
            value={every}
            data={possible.map((value) => ({ value, label: EVERY_LABELS[value] }))}
            onChange={(value) => changeView({ every: value as Every }, { replace: true })}
          />
          <ShownSwitch />
        </>
      }
    >
      <div className={classes.figures}>
        <span className={classes.total} data-testid="spend-period">
          {current.data ? (
            <Figure measure="spend" value={total} currency={currency} />
          ) : (
            <Bone width={110} height={22} />
          )}
        </span>
        {view.compare && current.data && (
          <Change
            measure="spend"
            now={total}
            base={base}
            against={previousLabel(view.period, now, tz)}
            currency={currency}
          />
        )}
        {previous && view.shown === 'chart' && (
          <span className={classes.legend}>
            <span className={classes.dash} aria-hidden="true" />
            {lineLabel}
          </span>
        )}
      </div>
      {current.isError && !table ? (
        <Failure what="The chart" error={current.error} retry={current.refetch} />
      ) : !table ? (
        <ChartSkeleton height={HEIGHT} />
      ) : table.series.length === 0 && !previous?.some((reading) => Number(reading) > 0) ? (
        <div style={{ height: HEIGHT }}>
          <Empty title="No usage in this period">Pick a longer one, or take a filter away.</Empty>
        </div>
      ) : view.shown === 'table' ? (
        <SeriesTableView data={table} height={HEIGHT} label={label} {...drawing} />
      ) : (
        <SeriesChart table={table} height={HEIGHT} label={label} onZoom={zoom} {...drawing} />
      )}
    </Panel>
  )
}

/** Chart or table: the same figures either way. */
export function ShownSwitch() {
  const [view, changeView] = useView()
  return (
    <SegmentedControl
      size="xs"
      aria-label="Show as"
      value={view.shown}
      onChange={(shown) => changeView({ shown: shown as 'chart' | 'table' }, { replace: true })}
      data={[
        { value: 'chart', label: <IconOption Icon={IconChartBar} name="Chart" /> },
        { value: 'table', label: <IconOption Icon={IconTable} name="Table" /> },
      ]}
    />
  )
}

function IconOption({ Icon, name }: { Icon: typeof IconTable; name: string }) {
  return (
    <span className={classes.option} title={name}>
      <Icon size={15} aria-hidden="true" />
      <span className="visually-hidden">{name}</span>
    </span>
  )
}
