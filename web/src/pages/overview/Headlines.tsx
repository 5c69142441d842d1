import { memo, useMemo } from 'react'
import { useUsage } from '@/api/usage'
import { Sparkline } from '@/charts/Sparkline'
import { runningBucket } from '@/charts/seriesSheet'
import { SPANS, type Span, spanQuestions } from '@/lib/overview'
import type { Preset } from '@/lib/period'
import { tabulate } from '@/lib/series'
import { bucketStarts, formatDay, formatTime, formatWeekday, type Range } from '@/lib/time'
import { Change, Figure } from '@/ui/Figures'
import { Bone, messageOf } from '@/ui/States'
import { useScene } from '@/view/useView'
import classes from './Headlines.module.css'

/** Spend today, this week and this month, each against the last one up to the same moment. */
export const Headlines = memo(function Headlines() {
  return (
    <section className={classes.row} aria-label="Spend now">
      {SPANS.map((span) => (
        <Headline key={span.preset} span={span} />
      ))}
    </section>
  )
})

function Headline({ span }: { span: Span }) {
  const { title, preset, every } = span
  const { view, tz, now, currency } = useScene()
  const questions = useMemo(() => spanQuestions(span, { view, tz, now }), [span, view, tz, now])
  const current = useUsage('series', questions.current)
  const previous = useUsage('total', questions.before)
  const starts = useMemo(
    () => bucketStarts(questions.current.range, every, tz),
    [questions, every, tz],
  )
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
            against={against(preset, questions.before.range, tz, now)}
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
