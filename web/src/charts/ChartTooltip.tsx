import { changeOf, formatReading, isAdditive } from '@/lib/measures'
import { formatChange } from '@/lib/number'
import { formatBucketInFull } from '@/lib/time'
import { Swatch } from '@/ui/Swatch'
import { TooltipBox } from './ReadableChart'
import classes from './ReadableChart.module.css'
import { type Drawing, runningBucket } from './seriesSheet'

interface ChartTooltipProps extends Drawing {
  at: number
  title: string
  x: number
  width: number
}

/** All series of one bucket with their total, and the bucket of the period before. */
export function ChartTooltip({ at, title, x, width, ...drawing }: ChartTooltipProps) {
  const { table, previous, measure, currency, now } = drawing
  const shown = table.series.filter((series) => Number(series.readings[at] ?? 0) !== 0)
  const total = table.totals[at]
  const before = previous?.[at]
  const change = changeOf(total, before)
  return (
    <TooltipBox
      title={title}
      isRunning={at === runningBucket(table.starts, now)}
      x={x}
      width={width}
    >
      <tbody>
        {shown.map((series) => (
          <tr key={series.key}>
            <th scope="row">
              <Swatch slot={series.slot} />
              <span>{series.label}</span>
            </th>
            <td>{formatReading(measure, series.readings[at], currency)}</td>
          </tr>
        ))}
      </tbody>
      {isAdditive(measure) && (
        <tfoot>
          <tr>
            <th scope="row">Total</th>
            <td>{formatReading(measure, total, currency)}</td>
          </tr>
          {before != null && (
            <tr className={classes.before}>
              <th scope="row">
                <span className={classes.dash} />
                Before
              </th>
              <td>
                {formatReading(measure, before, currency)}
                {change !== null && ` (${formatChange(change)})`}
              </td>
            </tr>
          )}
        </tfoot>
      )}
    </TooltipBox>
  )
}

/** The same as the tooltip, as one sentence. */
export function readOut({ table, measure, currency, every, tz }: Drawing, at: number): string {
  const start = table.starts[at]
  if (!start) return ''
  const parts = table.series
    .filter((series) => Number(series.readings[at] ?? 0) !== 0)
    .map((series) => `${series.label} ${formatReading(measure, series.readings[at], currency)}`)
  const total = isAdditive(measure)
    ? `${formatReading(measure, table.totals[at], currency)} in total`
    : ''
  return [formatBucketInFull(start, every, tz), total, ...parts].filter(Boolean).join('; ')
}
