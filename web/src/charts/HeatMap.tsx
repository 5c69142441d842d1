import { type KeyboardEvent, useMemo, useRef, useState } from 'react'
import { estimated, formatAmount } from '@/lib/amount'
import { clock, HEAT_STEPS, type Heat, type HeatCell, HOURS, hourName, WEEKDAYS } from '@/lib/heat'
import { formatOnAxis, formatReading, MEASURES, type Measure } from '@/lib/measures'
import { formatCount, plural } from '@/lib/number'
import { ChartSkeleton } from './ChartSkeleton'
import { Drawing } from './Drawing'
import classes from './HeatMap.module.css'
import { heatColour, layOutHeat } from './heatSheet'
import { TooltipBox } from './ReadableChart'
import { useWidth } from './useWidth'

interface HeatMapProps {
  heat: Heat
  measure: Measure
  tz: string
  currency: string
  /** What it shows, in a sentence for those who do not see it. */
  label: string
  height: number
}

/**
 * The hours of a day against the days of the week: the darker, the more in an average hour. The
 * picture lies under a table of the same figures, which is what keys and readers of the screen meet.
 */
export function HeatMap({ heat, measure, tz, currency, label, height }: HeatMapProps) {
  const host = useRef<HTMLDivElement>(null)
  const width = useWidth(host)
  const layout = useMemo(() => layOutHeat(heat, width, height), [heat, width, height])
  const [at, setAt] = useState<number | null>(null)
  const focused = useRef(0)
  const { plot, step } = layout
  const tall = (height - plot.top - plot.bottom) / WEEKDAYS.length
  const cell = at === null ? undefined : heat.cells[at]

  const move = (event: KeyboardEvent<HTMLElement>) => {
    const to = nextCell(focused.current, event.key)
    if (to === null) return
    event.preventDefault()
    const cells = event.currentTarget.querySelectorAll<HTMLElement>('[role="gridcell"]')
    cells[to]?.focus()
  }
  return (
    <div>
      <div ref={host} className={classes.frame} style={{ height }}>
        {width > 0 ? (
          <Drawing layout={layout} width={width} height={height} />
        ) : (
          <ChartSkeleton height={height} />
        )}
        {/* biome-ignore lint/a11y/useSemanticElements: rows of a table cannot be laid over a picture */}
        <div
          role="grid"
          aria-label={label}
          className={classes.grid}
          style={{ left: plot.left, top: plot.top, width: step * HOURS, height: tall * 7 }}
          onKeyDown={move}
          onPointerLeave={() => setAt(null)}
        >
          {WEEKDAYS.map((name, weekday) => (
            // biome-ignore lint/a11y/useSemanticElements: as above
            // biome-ignore lint/a11y/useFocusableInteractive: the cells have the focus
            <div key={name} role="row" className={classes.row}>
              {heat.cells.slice(weekday * HOURS, (weekday + 1) * HOURS).map((one) => {
                const place = weekday * HOURS + one.hour
                return (
                  // biome-ignore lint/a11y/useSemanticElements: as above
                  <div
                    key={one.hour}
                    role="gridcell"
                    className={classes.cell}
                    tabIndex={place === (at ?? focused.current) ? 0 : -1}
                    aria-label={cellWords(one, measure, currency)}
                    onFocus={() => {
                      focused.current = place
                      setAt(place)
                    }}
                    onBlur={() => setAt(null)}
                    onPointerEnter={() => setAt(place)}
                  />
                )
              })}
            </div>
          ))}
        </div>
        {cell && (
          <TooltipBox
            title={hourName(cell)}
            isRunning={false}
            x={plot.left + (cell.hour + 0.5) * step}
            width={width}
          >
            <tbody>
              <tr>
                <th scope="row">In an average hour</th>
                <td>{meanText(cell.mean, measure, currency)}</td>
              </tr>
              <tr>
                <th scope="row">In {plural(cell.hours, 'hour')}</th>
                <td>{formatReading(measure, cell.total, currency)}</td>
              </tr>
            </tbody>
          </TooltipBox>
        )}
      </div>
      <HeatLegend heat={heat} measure={measure} tz={tz} currency={currency} />
    </div>
  )
}

/** What the colours stand for, and whose hours these are. */
function HeatLegend({ heat, measure, tz, currency }: Omit<HeatMapProps, 'label' | 'height'>) {
  return (
    <p className={classes.legend}>
      <span>{MEASURES[measure].label} in an average hour:</span>
      <span className={classes.scale}>
        <span>{formatOnAxis(measure, 0, currency)}</span>
        {Array.from({ length: HEAT_STEPS + 1 }, (_, step) => (
          <i
            // biome-ignore lint/suspicious/noArrayIndexKey: a step is its place
            key={step}
            style={{ background: heatColour(step) }}
            aria-hidden="true"
          />
        ))}
        <span>{meanText(heat.most, measure, currency)}</span>
      </span>
      <span className={classes.zone}>Hours of {tz}</span>
    </p>
  )
}

/** A cell in words: `Tuesday 14:00–15:00: $1.20 in an average hour, $4.80 in 4 hours`. */
function cellWords(cell: HeatCell, measure: Measure, currency: string): string {
  if (cell.mean === null) return `${hourName(cell)}: no such hour yet`
  const mean = meanText(cell.mean, measure, currency)
  const total = formatReading(measure, cell.total, currency)
  return `${hourName(cell)}: ${mean} in an average hour, ${total} in ${plural(cell.hours, 'hour')}`
}

function meanText(mean: number | null, measure: Measure, currency: string): string {
  if (mean === null) return '–'
  return MEASURES[measure].kind === 'amount'
    ? formatAmount(estimated(mean), currency)
    : formatCount(mean)
}

/** Where a key leads from a cell; nothing where it leads nowhere. */
function nextCell(at: number, key: string): number | null {
  const [weekday, hour] = [Math.floor(at / HOURS), at % HOURS]
  const to: Record<string, [number, number]> = {
    ArrowLeft: [weekday, hour - 1],
    ArrowRight: [weekday, hour + 1],
    ArrowUp: [weekday - 1, hour],
    ArrowDown: [weekday + 1, hour],
    Home: [weekday, 0],
    End: [weekday, HOURS - 1],
  }
  const [row, column] = to[key] ?? [-1, -1]
  if (row < 0 || row >= WEEKDAYS.length || column < 0 || column >= HOURS) return null
  return row * HOURS + column
}

/** The same figures as a table that everybody sees. */
export function HeatTable({ heat, measure, currency, label, height }: Omit<HeatMapProps, 'tz'>) {
  return (
    <section
      className={classes.scroll}
      style={{ maxHeight: height }}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      aria-label={label}
    >
      <table className={classes.table}>
        <thead>
          <tr>
            <th scope="col">Hour</th>
            {WEEKDAYS.map((name) => (
              <th key={name} scope="col">
                {name.slice(0, 3)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {Array.from({ length: HOURS }, (_, hour) => (
            <tr key={clock(hour)}>
              <th scope="row">{clock(hour)}</th>
              {WEEKDAYS.map((name, weekday) => (
                <td key={name}>
                  {meanText(heat.cells[weekday * HOURS + hour]?.mean ?? null, measure, currency)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
