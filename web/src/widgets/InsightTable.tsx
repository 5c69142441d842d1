import view from '@/charts/SeriesTableView.module.css'
import { estimated, formatAmount, formatAmountExactly, parseAmount } from '@/lib/amount'
import type { InsightDay } from '@/lib/insights'
import { formatDayInFull } from '@/lib/time'
import table from '@/ui/table.module.css'

interface InsightTableProps {
  days: InsightDay[]
  currency: string
  height: number
}

/** The chart's figures, the furthest day first. */
export function InsightTable({ days, currency, height }: InsightTableProps) {
  const money = (units: number | null | undefined) =>
    units == null ? '–' : formatAmount(estimated(units), currency)
  const span = (one: { low: number | null; high: number | null } | null) =>
    one?.low == null || one.high == null ? '–' : `${money(one.low)} to ${money(one.high)}`
  return (
    <section
      className={view.scroll}
      style={{ maxHeight: height }}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      aria-label="Daily spend with forecast"
    >
      <table className={table.table}>
        <thead className={view.head}>
          <tr>
            <th scope="col">Day</th>
            <th scope="col" className={table.right}>
              Spend
            </th>
            <th scope="col" className={table.right}>
              Expected or forecast
            </th>
            <th scope="col" className={table.right}>
              80 % range
            </th>
            <th scope="col" className={table.right}>
              Level
            </th>
            <th scope="col">Finding</th>
          </tr>
        </thead>
        <tbody>
          {days.toReversed().map(({ date, past, ahead, anomaly }) => (
            <tr key={date}>
              <th scope="row" className={view.time}>
                {formatDayInFull(new Date(`${date}T00:00:00Z`), 'UTC')}
              </th>
              <td
                className={table.right}
                title={past ? formatAmountExactly(parseAmount(past.spend), currency) : undefined}
              >
                {past ? formatAmount(parseAmount(past.spend), currency) : '–'}
                {past?.running && <span className="muted"> so far</span>}
              </td>
              <td className={table.right}>{money(past?.expected ?? ahead?.expected)}</td>
              <td className={table.right}>{span(past?.low == null ? ahead : past)}</td>
              <td className={table.right}>{money(past?.level)}</td>
              <td>
                {anomaly ? `unusually ${anomaly.direction}, ${anomaly.severity} severity` : ''}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
