import { useMemo } from 'react'
import { useUsage } from '@/api/usage'
import { Sparkline } from '@/charts/Sparkline'
import { runningBucket } from '@/charts/seriesSheet'
import { type Period, type Preset, previousUpToNow, rangeOf } from '@/lib/period'
import { tabulate } from '@/lib/series'
import {
  bucketStarts,
  type Every,
  formatDay,
  formatTime,
  formatWeekday,
  type Range,
} from '@/lib/time'
import { Change, Figure } from '@/ui/Figures'
import { Bone, messageOf } from '@/ui/States'
import { useScene } from '@/view/useView'
import classes from './Headlines.module.css'

interface Span {
  title: string
  preset: Preset
  every: Every
}

const SPANS: Span[] = [
  { title: 'Today', preset: 'today', every: 'hour' },
  { title: 'This week', preset: 'week', every: 'day' },
  { title: 'This month', preset: 'month', every: 'day' },
]

/** Spend today, this week and this month, each against the last one up to the same moment. */
export function Headlines() {
  return (
    <section className={classes.row} aria-label="Spend now">
      {SPANS.map((span) => (
        <Headline key={span.preset} {...span} />
      ))}
    </section>
  )
}

function Headline({ title, preset, every }: Span) {
  const { view, tz, now, currency } = useScene()
  const period: Period = useMemo(() => ({ kind: 'preset', preset }), [preset])
  const range = rangeOf(period, now, tz)
  const before = previousUpToNow(period, now, tz)
  const ask = { tz, filters: view.filters, measures: ['spend' as const] }
  const current = useUsage('series', { ...ask, range, every })
  const previous = useUsage('total', { ...ask, range: before })
  const starts = bucketStarts(range, every, tz)
  const table = current.data && tabulate(current.data.rows, starts, 'spend', [])

  return (
    <article className={classes.card}>
      <h2 className={classes.title}>
        {title} <span className="muted">so far</span>
      </h2>
      <div className={classes.middle}>
        <p className={classes.figure} data-testid={`spend-${preset}`}>
          {current.data ? (
            <Figure measure="spend" value={current.data.total.spend} currency={currency} />
          ) : current.isError ? (
            <span className="bad small">{messageOf(current.error)}</span>
          ) : (
            <Bone width={120} height={24} />
          )}
        </p>
        <div className={classes.spark}>
          {table && <Sparkline readings={table.totals} running={runningBucket(starts, now)} />}
        </div>
      </div>
      <p className={classes.change} data-testid={`change-${preset}`}>
        {current.data && previous.data ? (
          <Change
            measure="spend"
            now={current.data.total.spend}
            base={previous.data.total.spend}
            against={against(preset, before, tz, now)}
            currency={currency}
          />
        ) : (
          <Bone width={180} height={12} />
        )}
      </p>
    </article>
  )
}

/** What the base is: the period before, up to which moment of it. */
function against(preset: Preset, before: Range, tz: string, now: Date): string {
  const time = formatTime(before.to, tz)
  if (preset === 'today') return `last ${formatWeekday(before.to, tz)} by ${time}`
  if (preset === 'week') return `last week by ${formatWeekday(before.to, tz)} ${time}`
  return `last month by ${formatDay(before.to, tz, now)}`
}
