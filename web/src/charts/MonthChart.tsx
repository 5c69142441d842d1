import { useMemo } from 'react'
import { estimated, formatAmount } from '@/lib/amount'
import type { PlacedMarks } from '@/lib/marks'
import type { MonthDay } from '@/lib/month'
import { formatDayInFull } from '@/lib/time'
import { MarkButtons, MarkLines } from './ChartMarks'
import { type MonthDrawing, monthSheet } from './monthSheet'
import { ReadableChart, TooltipBox } from './ReadableChart'

interface MonthChartProps extends MonthDrawing {
  label: string
  height: number
  /** What happened, by the days that it happened on. */
  marks?: PlacedMarks[]
}

/** The month from its first day on, against its budget. */
export function MonthChart({ label, height, marks = [], ...drawing }: MonthChartProps) {
  const { days, budget, tz, now, currency } = drawing
  const sheet = useMemo(
    () => monthSheet({ days, budget, tz, now, currency }),
    [days, budget, tz, now, currency],
  )
  const title = (day: MonthDay | undefined) =>
    day ? `Until ${formatDayInFull(day.start, tz)}` : ''
  const isRunning = (day: MonthDay | undefined) => day?.spent != null && day.expected != null
  return (
    <ReadableChart
      label={label}
      unit="day"
      height={height}
      sheet={sheet}
      read={(at) =>
        [title(days[at]), ...lines(days[at], budget, currency).map((line) => line.join(' '))].join(
          '; ',
        )
      }
      tooltip={(at, x, width) => (
        <TooltipBox title={title(days[at])} isRunning={isRunning(days[at])} x={x} width={width}>
          <tbody>
            {lines(days[at], budget, currency).map(([name, value]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{value}</td>
              </tr>
            ))}
          </tbody>
        </TooltipBox>
      )}
      overlay={(places) => <MarkLines placed={marks} {...places} />}
      above={(places) => <MarkButtons placed={marks} {...places} />}
    />
  )
}

function lines(
  day: MonthDay | undefined,
  budget: number | null,
  currency: string,
): [string, string][] {
  if (!day) return []
  const money = (units: number) => formatAmount(estimated(units), currency)
  const read: [string, string][] = []
  if (day.spent !== null) read.push(['Spent', formatAmount(day.spent, currency)])
  if (day.expected !== null) read.push(['Forecast', money(day.expected)])
  if (day.low !== null && day.high !== null) {
    read.push(['80 % range', `${money(day.low)} to ${money(day.high)}`])
  }
  if (budget !== null) read.push(['Budget', money(budget)])
  return read
}
