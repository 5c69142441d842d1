import type { Roi } from '@/api/roi'
import view from '@/charts/SeriesTableView.module.css'
import { runningBucket } from '@/charts/seriesSheet'
import { parseAmount, precisionOf } from '@/lib/amount'
import { formatBucketInFull } from '@/lib/time'
import { Figure, Spend } from '@/ui/Figures'
import table from '@/ui/table.module.css'

interface RoiSeriesTableProps {
  roi: Roi
  tz: string
  now: Date
  height: number
  label: string
}

const COLUMNS = ['revenue', 'spend', 'profit'] as const

/** The chart's figures, the newest bucket first. */
export function RoiSeriesTable({ roi, tz, now, height, label }: RoiSeriesTableProps) {
  const running = runningBucket(
    roi.series.map(({ start }) => new Date(start)),
    now,
  )
  const precision = precisionOf(
    roi.series.flatMap((bucket) => COLUMNS.map((name) => parseAmount(bucket[name]))),
  )
  return (
    <section
      className={view.scroll}
      style={{ maxHeight: height }}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      aria-label={label}
    >
      <table className={table.table}>
        <thead className={view.head}>
          <tr>
            <th scope="col">Time</th>
            {COLUMNS.map((name) => (
              <th key={name} scope="col" className={table.right}>
                {name.charAt(0).toUpperCase() + name.slice(1)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {roi.series.toReversed().map((bucket, at) => (
            <tr key={bucket.start}>
              <th scope="row" className={view.time}>
                {formatBucketInFull(new Date(bucket.start), roi.every, tz)}
                {roi.series.length - 1 - at === running && <span className="muted"> so far</span>}
              </th>
              {COLUMNS.map((name) => (
                <td key={name} className={table.right}>
                  {name === 'spend' ? (
                    <Spend
                      spend={parseAmount(bucket.spend)}
                      unpriced={bucket.unpriced}
                      currency={roi.currency}
                      precision={precision}
                    />
                  ) : (
                    <Figure
                      measure="spend"
                      value={parseAmount(bucket[name])}
                      currency={roi.currency}
                      precision={precision}
                    />
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
