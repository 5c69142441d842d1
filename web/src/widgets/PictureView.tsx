import { ChartSkeleton } from '@/charts/ChartSkeleton'
import { HeatMap, HeatTable } from '@/charts/HeatMap'
import { SeriesChart } from '@/charts/SeriesChart'
import { SeriesTableView } from '@/charts/SeriesTableView'
import type { Mark } from '@/lib/marks'
import type { Series } from '@/lib/series'
import type { Range } from '@/lib/time'
import { Failure } from '@/ui/States'
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
export function PictureView({
  picture,
  label,
  height,
  onZoom,
  onPick,
  marks = NONE,
}: PictureViewProps) {
  const { current, hours, form, heat, table, legend, drawing } = picture
  const placed = usePlacedMarks(marks, table?.starts, drawing.every, drawing.tz)
  const asked = form === 'heat' ? hours : current
  if (asked.isError && !asked.data) {
    return <Failure what="The chart" error={asked.error} retry={asked.refetch} />
  }
  if (!table || (form === 'heat' && !heat)) return <ChartSkeleton height={height} />
  if (table.series.length === 0) {
    return (
      <div style={{ minHeight: height }}>
        <NoUsage title="No usage in this period">Pick a longer one, or take a filter away.</NoUsage>
      </div>
    )
  }
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
