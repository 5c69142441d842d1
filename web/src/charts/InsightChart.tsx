import { useMemo } from 'react'
import type { ChangePoint } from '@/api/insights'
import { estimated, formatAmount, parseAmount } from '@/lib/amount'
import type { InsightDay } from '@/lib/insights'
import type { PlacedMarks } from '@/lib/marks'
import { formatDayInFull } from '@/lib/time'
import { MarkButtons, MarkLines } from './ChartMarks'
import classes from './InsightChart.module.css'
import { type InsightDrawing, insightSheet } from './insightSheet'
import { type Places, ReadableChart, TooltipBox } from './ReadableChart'

interface InsightChartProps extends InsightDrawing {
  changes: ChangePoint[]
  /** What the chart shows, in a sentence for those who do not see it. */
  label: string
  height: number
  /** What happened, by the days that it happened on. */
  marks?: PlacedMarks[]
}

/** Spend by day with what was expected, what was not, and what is to come. */
export function InsightChart({
  changes,
  label,
  height,
  days,
  currency,
  now,
  marks = [],
}: InsightChartProps) {
  const sheet = useMemo(() => insightSheet({ days, currency, now }), [days, currency, now])
  return (
    <ReadableChart
      label={label}
      unit="day"
      height={height}
      sheet={sheet}
      read={(at) => readOut(days[at], currency)}
      tooltip={(at, x, width) => (
        <DayTooltip day={days[at]} currency={currency} x={x} width={width} />
      )}
      overlay={(places) => (
        <>
          <MarkLines placed={marks} {...places} />
          {changes.map((change) => (
            <ChangeLine
              key={change.date}
              change={change}
              days={days}
              currency={currency}
              {...places}
            />
          ))}
        </>
      )}
      above={(places) => <MarkButtons placed={marks} {...places} />}
    />
  )
}

interface DayTooltipProps {
  day: InsightDay | undefined
  currency: string
  x: number
  width: number
}

function DayTooltip({ day, currency, x, width }: DayTooltipProps) {
  if (!day) return null
  return (
    <TooltipBox title={titleOf(day)} isRunning={day.past?.running ?? false} x={x} width={width}>
      <tbody>
        {lines(day, currency).map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{value}</td>
          </tr>
        ))}
      </tbody>
    </TooltipBox>
  )
}

function readOut(day: InsightDay | undefined, currency: string): string {
  if (!day) return ''
  const read = lines(day, currency).map(([name, value]) => `${name} ${value}`)
  return [titleOf(day), ...read].join('; ')
}

function titleOf(day: InsightDay): string {
  return formatDayInFull(new Date(`${day.date}T00:00:00Z`), 'UTC')
}

/** All that is known of a day, name by name. */
function lines({ past, ahead, anomaly }: InsightDay, currency: string): [string, string][] {
  const money = (units: number) => formatAmount(estimated(units), currency)
  const read: [string, string][] = []
  if (past) read.push(['Spend', formatAmount(parseAmount(past.spend), currency)])
  if (past?.low != null && past.high != null) {
    read.push(['Expected', `${money(past.low)} to ${money(past.high)}`])
  }
  if (past?.level != null) read.push(['Level', money(past.level)])
  if (anomaly) {
    read.push([`Unusually ${anomaly.direction}`, `${anomaly.severity} severity`])
  }
  if (ahead) {
    read.push(['Forecast', money(ahead.expected)])
    read.push(['80 % range', `${money(ahead.low)} to ${money(ahead.high)}`])
    read.push(['95 % range', `${money(ahead.low95)} to ${money(ahead.high95)}`])
  }
  return read
}

interface ChangeLineProps extends Places {
  change: ChangePoint
  days: InsightDay[]
  currency: string
}

/** A new level: a line at its day, and the days it may have begun on. */
function ChangeLine({ change, days, left, step, width, currency }: ChangeLineProps) {
  const at = days.findIndex(({ date }) => date === change.date)
  if (at < 0) return null
  const first = Math.max(
    0,
    days.findIndex(({ date }) => date >= change.first),
  )
  const until = days.findIndex(({ date }) => date > change.last)
  const x = left + at * step
  const size = estimated(Math.abs(change.after - change.before))
  return (
    <>
      <div
        className={classes.uncertain}
        style={{
          left: left + first * step,
          width: ((until < 0 ? days.length : until) - first) * step,
        }}
        aria-hidden="true"
      />
      <div className={classes.change} style={{ left: x }} aria-hidden="true">
        <span className={x > width * 0.8 ? classes.toLeft : undefined}>
          {change.after > change.before ? '▲' : '▼'} {formatAmount(size, currency)} a day
        </span>
      </div>
    </>
  )
}
