import { Link } from 'wouter'
import { ChartSkeleton } from '@/charts/ChartSkeleton'
import { HeatMap, HeatTable } from '@/charts/HeatMap'
import { SeriesChart } from '@/charts/SeriesChart'
import { SeriesTableView } from '@/charts/SeriesTableView'
import { HEAT_DAYS_MAX } from '@/lib/heat'
import type { Mark } from '@/lib/marks'
import { formatCountExactly } from '@/lib/number'
import type { Series, SeriesTable } from '@/lib/series'
import type { Range } from '@/lib/time'
import type { View } from '@/lib/view'
import { Loaded } from '@/ui/Loaded'
import { Empty } from '@/ui/States'
import { linkTo } from '@/view/useView'
import { Legend } from './Legend'
import { NoUsage } from './NoUsage'
import classes from './PictureView.module.css'
import { usePlacedMarks } from './useMarks'
import type { Picture } from './usePicture'

interface PictureViewProps {
  picture: Picture
  /** What it shows, in a sentence for those who do not see it. */
  label: string
  height: number
  onZoom?: (range: Range) => void
  onPick?: (series: Series, range: Range) => void
  /** What happened in its time. */
  marks?: Mark[]
}

const NONE: Mark[] = []

/** A view's figures in its form, or why there are none. */
export function PictureView(props: PictureViewProps) {
  const { picture, height } = props
  const { current, hours, form, heat, table, tooLong } = picture
  if (tooLong !== null) return <TooLong days={tooLong} view={picture.view} height={height} />
  const asked = form === 'heat' ? hours : current
  const isThere = table !== undefined && (form !== 'heat' || heat !== undefined)
  return (
    <Loaded
      query={{ ...asked, data: isThere ? table : undefined }}
      what="The chart"
      skeleton={<ChartSkeleton height={height} />}
      isEmpty={({ series }) => series.length === 0}
      empty={
        <div style={{ minHeight: height }}>
          <NoUsage title="No usage in this period">
            Pick a longer one, or take a filter away.
          </NoUsage>
        </div>
      }
    >
      {(table) => <Drawn {...props} table={table} />}
    </Loaded>
  )
}

/** Why there is no heat map of so long a time, and one that there is. */
function TooLong({ days, view, height }: { days: number; view: View; height: number }) {
  const year: View = { ...view, period: { kind: 'preset', preset: '12m' } }
  return (
    <div style={{ minHeight: height }}>
      <Empty
        title={`A heat map is of ${HEAT_DAYS_MAX} days at most, and this period has ${formatCountExactly(days)}`}
      >
        <p>
          It is folded of single hours.{' '}
          <Link href={linkTo('/explore', year)}>The last 12 months</Link> can be shown, and other
          forms have any period.
        </p>
      </Empty>
    </div>
  )
}

function Drawn({
  picture,
  table,
  label,
  height,
  onZoom,
  onPick,
  marks = NONE,
}: PictureViewProps & { table: SeriesTable }) {
  const { form, heat, legend, drawing } = picture
  const placed = usePlacedMarks(marks, table.starts, drawing.every, drawing.tz)
  if (form === 'table') {
    return <SeriesTableView data={table} height={height} label={label} {...drawing} />
  }
  if (form === 'heat' && heat) {
    const { measure, tz, currency } = drawing
    return (
      <>
        <HeatMap heat={heat} label={label} height={height} {...{ measure, tz, currency }} />
        <details className={classes.figures}>
          <summary>The figures as a table</summary>
          <HeatTable heat={heat} label={label} height={height} {...{ measure, currency }} />
        </details>
      </>
    )
  }
  return (
    <>
      <SeriesChart
        table={legend.shown ?? table}
        height={height}
        label={label}
        onZoom={onZoom}
        onPick={form === 'cumulative' ? undefined : onPick}
        marks={placed}
        {...drawing}
      />
      {table.series.length > 1 && <Legend table={table} {...legend} />}
    </>
  )
}
