import { useComputedColorScheme } from '@mantine/core'
import { type KeyboardEvent, type PointerEvent, useEffect, useRef, useState } from 'react'
import type { ChangePoint } from '@/api/insights'
import { estimated, formatAmount, parseAmount } from '@/lib/amount'
import type { InsightDay } from '@/lib/insights'
import { formatDayInFull } from '@/lib/time'
import { inksOf, useEngine, useWidth } from './canvas'
import classes from './InsightChart.module.css'
import { type InsightDrawing, insightOption } from './insightOption'
import { plotFor } from './option'
import { ChartSkeleton } from './SeriesChart'
import frame from './SeriesChart.module.css'

interface InsightChartProps extends InsightDrawing {
  changes: ChangePoint[]
  /** What the chart shows, in a sentence for those who do not see it. */
  label: string
  height: number
}

/** Spend by day with what was expected, what was not, and what is to come. */
export function InsightChart({ changes, label, height, days, currency, now }: InsightChartProps) {
  const host = useRef<HTMLDivElement>(null)
  const { engine, failed } = useEngine(host)
  const width = useWidth(host)
  const theme = useComputedColorScheme('light')
  const [at, setAt] = useState<number | null>(null)
  useEffect(() => {
    if (!engine || width === 0) return
    engine.resize({ width, height })
    engine.setOption(insightOption({ days, currency, now }, width, inksOf(theme)), {
      replaceMerge: ['series'],
    })
  }, [engine, width, height, theme, days, currency, now])

  const plot = plotFor(width)
  const step = (width - plot.left - plot.right) / Math.max(1, days.length)
  const last = days.length - 1
  const point = (event: PointerEvent<HTMLElement>) => {
    const x = event.clientX - event.currentTarget.getBoundingClientRect().left - plot.left
    setAt(Math.min(Math.max(Math.floor(x / step), 0), last))
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') setAt(null)
    const to = { ArrowLeft: (at ?? last + 1) - 1, ArrowRight: (at ?? -1) + 1, Home: 0, End: last }[
      event.key
    ]
    if (to === undefined) return
    setAt(Math.min(Math.max(to, 0), last))
    event.preventDefault()
  }
  const day = at === null ? undefined : days[at]
  const read = day && lines(day, currency)
  return (
    <div className={frame.frame} style={{ height }}>
      <div ref={host} className={frame.canvas} aria-hidden="true" />
      {!engine && !failed && <ChartSkeleton height={height} />}
      {failed && (
        <p className={frame.failed}>
          The chart could not be drawn. The table has the same figures.
        </p>
      )}
      {engine &&
        changes.map((change) => (
          <ChangeLine
            key={change.date}
            change={change}
            days={days}
            left={plot.left}
            step={step}
            width={width}
            currency={currency}
          />
        ))}
      <div
        className={`${frame.surface} ${classes.surface}`}
        role="slider"
        tabIndex={0}
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, last)}
        aria-valuenow={at ?? Math.max(0, last)}
        aria-valuetext={
          read
            ? [titleOf(day), ...read.map(([name, value]) => `${name} ${value}`)].join('; ')
            : 'Arrow keys read it day by day'
        }
        onKeyDown={onKeyDown}
        onBlur={() => setAt(null)}
        onPointerDown={point}
        onPointerMove={point}
        onPointerLeave={() => setAt(null)}
      >
        {at !== null && (
          <div
            className={frame.band}
            style={{
              left: plot.left + at * step,
              width: step,
              top: plot.top,
              bottom: plot.bottom,
            }}
          />
        )}
      </div>
      {day && read && at !== null && (
        <div
          className={frame.tooltip}
          style={
            at > last * 0.6
              ? { right: width - (plot.left + at * step) + 14 }
              : { left: plot.left + (at + 1) * step + 14 }
          }
          aria-hidden="true"
        >
          <p className={frame.tooltipTitle}>
            {titleOf(day)}
            {day.past?.running && <em>so far</em>}
          </p>
          <table>
            <tbody>
              {read.map(([name, value]) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td>{value}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  )
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

interface ChangeLineProps {
  change: ChangePoint
  days: InsightDay[]
  left: number
  step: number
  width: number
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
