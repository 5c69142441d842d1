import { Select } from '@mantine/core'
import { memo } from 'react'
import { ChartSkeleton } from '@/charts/ChartSkeleton'
import { SeriesChart } from '@/charts/SeriesChart'
import { SeriesTableView } from '@/charts/SeriesTableView'
import { attributeLabel } from '@/lib/filters'
import { formatReading } from '@/lib/measures'
import { periodLabel, previousLabel } from '@/lib/period'
import type { Every } from '@/lib/time'
import { Change, Figure } from '@/ui/Figures'
import { Loaded } from '@/ui/Loaded'
import { Panel } from '@/ui/Panel'
import { Bone, Empty } from '@/ui/States'
import { useSeries } from '@/view/useSeries'
import { useScene, useView } from '@/view/useView'
import { useDrill, useZoom } from '@/view/useZoom'
import { AttributeSelect } from '@/widgets/AttributeSelect'
import { PanelMenuLater } from '@/widgets/PanelMenuLater'
import classes from '@/widgets/SeriesFigures.module.css'
import { EVERY_LABELS, ShownSwitch } from '@/widgets/ShownSwitch'
import { useMarks, usePlacedMarks } from '@/widgets/useMarks'

const HEIGHT = 316

/** Spend over the period, stacked by what people choose. */
export const SpendPanel = memo(function SpendPanel({ highlight }: { highlight: string | null }) {
  const [view, changeView] = useView()
  const scene = useScene()
  const { tz, now, currency } = scene
  const by = view.by.slice(0, 1)
  const { current, table, previous, base, every, possible, lineLabel } = useSeries('spend', by)
  const marks = useMarks({
    scene,
    filters: view.filters,
    measure: 'spend',
    enabled: current.data !== undefined,
  })
  const placed = usePlacedMarks(marks, table?.starts, every, tz)
  const zoom = useZoom()
  const drill = useDrill(by, zoom)
  const attribute = by[0] ?? 'provider'
  const total = current.data?.total.spend
  const period = periodLabel(view.period, now, tz)
  const label = `${EVERY_LABELS[every]} spend by ${attributeLabel(attribute).toLowerCase()}, ${period}: ${formatReading('spend', total, currency)}`
  const isEmpty = table?.series.length === 0 && !previous?.some((reading) => Number(reading) > 0)
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
          <PanelMenuLater title="spend" view={{ ...view, by }} />
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
        {previous && view.shown === 'chart' && !isEmpty && (
          <span className={classes.legend}>
            <span className={classes.dash} aria-hidden="true" />
            {lineLabel}
          </span>
        )}
      </div>
      <Loaded
        query={{ ...current, data: table }}
        what="The chart"
        skeleton={<ChartSkeleton height={HEIGHT} />}
        isEmpty={() => isEmpty}
        empty={
          <div style={{ height: HEIGHT }}>
            <Empty title="No usage in this period">Pick a longer one, or take a filter away.</Empty>
          </div>
        }
      >
        {(table) =>
          view.shown === 'table' ? (
            <SeriesTableView data={table} height={HEIGHT} label={label} {...drawing} />
          ) : (
            <SeriesChart
              table={table}
              height={HEIGHT}
              label={label}
              onZoom={zoom}
              onPick={drill}
              marks={placed}
              {...drawing}
            />
          )
        }
      </Loaded>
    </Panel>
  )
})
