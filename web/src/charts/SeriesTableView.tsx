import {
  formatReading,
  formatReadingExactly,
  isAdditive,
  type Measure,
  precisionOfReadings,
} from '@/lib/measures'
import type { SeriesTable } from '@/lib/series'
import { type Every, formatBucketInFull } from '@/lib/time'
import { Swatch } from '@/ui/Swatch'
import table from '@/ui/table.module.css'
import classes from './SeriesTableView.module.css'
import { runningBucket } from './seriesSheet'

interface SeriesTableViewProps {
  data: SeriesTable
  measure: Measure
  every: Every
  tz: string
  now: Date
  currency: string
  label: string
  height: number
}

/** The chart's figures as a table, the newest bucket first. */
export function SeriesTableView({
  data,
  measure,
  every,
  tz,
  now,
  currency,
  label,
  height,
}: SeriesTableViewProps) {
  const precision = precisionOfReadings(data.series.flatMap(({ readings }) => readings))
  const running = runningBucket(data.starts, now)
  const order = data.starts.map((_, index) => data.starts.length - 1 - index)
  return (
    <section
      className={classes.scroll}
      style={{ maxHeight: height }}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      aria-label={label}
    >
      <table className={table.table}>
        <thead className={classes.head}>
          <tr>
            <th scope="col">Time</th>
            {isAdditive(measure) && (
              <th scope="col" className={table.right}>
                Total
              </th>
            )}
            {data.series.map((series) => (
              <th key={series.key} scope="col" className={table.right}>
                <Swatch slot={series.slot} /> {series.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {order.map((index) => (
            <tr key={data.starts[index]?.getTime()}>
              <th scope="row" className={classes.time}>
                {formatBucketInFull(data.starts[index] as Date, every, tz)}
                {index === running && <span className="muted"> so far</span>}
              </th>
              {isAdditive(measure) && (
                <td
                  className={table.right}
                  title={formatReadingExactly(measure, data.totals[index], currency)}
                >
                  <strong>{formatReading(measure, data.totals[index], currency, precision)}</strong>
                </td>
              )}
              {data.series.map((series) => (
                <td
                  key={series.key}
                  className={table.right}
                  title={formatReadingExactly(measure, series.readings[index], currency)}
                >
                  {formatReading(measure, series.readings[index], currency, precision)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
