import { memo, useMemo } from 'react'
import { Link } from 'wouter'
import { useUsage } from '@/api/usage'
import { ChartSkeleton } from '@/charts/ChartSkeleton'
import { MonthChart } from '@/charts/MonthChart'
import { runningBucket } from '@/charts/seriesSheet'
import { type Amount, drawnUnits, estimated, formatAmount, parseAmount } from '@/lib/amount'
import { budgetPath } from '@/lib/budgets'
import { budgetWords, monthDays } from '@/lib/month'
import { monthQuestion } from '@/lib/overview'
import { tabulate } from '@/lib/series'
import { bucketStarts } from '@/lib/time'
import { Loaded } from '@/ui/Loaded'
import { Panel } from '@/ui/Panel'
import { useLater } from '@/ui/useLater'
import { useScene } from '@/view/useView'
import { useMarks, usePlacedMarks } from '@/widgets/useMarks'
import type { Brief } from '@/wire'
import classes from './MonthPanel.module.css'

const HEIGHT = 262
const UNKNOWN = { expected: null, low: null, high: null, days: [], budget: null }

/** The month so far, from its first day on, with where it ends as things go and what may be spent. */
export const MonthPanel = memo(function MonthPanel({ brief }: { brief: Brief | undefined }) {
  const scene = useScene()
  const { view, tz, now, currency } = scene
  const question = useMemo(() => monthQuestion({ view, tz, now }), [view, tz, now])
  const starts = useMemo(() => bucketStarts(question.range, 'day', tz), [question, tz])
  const daily = useUsage('series', question)
  // What happened is asked for once the month stands.
  const isWhole = useLater()
  const marks = useMarks({
    scene: { ...scene, range: question.range },
    filters: view.filters,
    measure: 'spend',
    enabled: isWhole && daily.data !== undefined,
  })
  const placed = usePlacedMarks(marks, starts, 'day', tz)
  const month = brief?.month ?? UNKNOWN
  const running = runningBucket(starts, now)
  const days = useMemo(() => {
    if (!daily.data) return undefined
    const { totals } = tabulate(daily.data.rows, starts, 'spend', [])
    return monthDays(starts, totals as Amount[], running, month)
  }, [daily.data, starts, running, month])
  const spent = days?.[running]?.spent ?? null
  const budget = month.budget ? drawnUnits(parseAmount(month.budget.available)) : null
  return (
    <Panel
      title="This month, day upon day"
      actions={spent !== null && <Standing spent={spent} month={month} currency={currency} />}
    >
      <Loaded
        query={{ ...daily, data: days }}
        what="The month"
        skeleton={<ChartSkeleton height={HEIGHT} />}
      >
        {(days) => (
          <MonthChart
            days={days}
            budget={budget}
            tz={tz}
            now={now}
            currency={currency}
            height={HEIGHT}
            label={label(spent, month, currency)}
            marks={placed}
          />
        )}
      </Loaded>
    </Panel>
  )
})

type Month = Pick<Brief['month'], 'expected' | 'low' | 'high' | 'days' | 'budget'>

function label(spent: Amount | null, { expected }: Month, currency: string): string {
  const so = spent === null ? '' : `: ${formatAmount(spent, currency)} so far`
  const ends = expected === null ? '' : `, ${formatAmount(estimated(expected), currency)} expected`
  return `The month from its first day on${so}${ends}`
}

const WORDS = {
  over: 'Over the budget',
  'heading over': 'Heading over',
  within: 'Within',
}

/** Where the month ends, and how its budget goes, in words. */
function Standing({ spent, month, currency }: { spent: Amount; month: Month; currency: string }) {
  const words = budgetWords(spent, month)
  return (
    <p className={classes.standing}>
      {month.expected !== null && (
        <span>
          <i className={classes.keyForecast} aria-hidden="true" /> ends at{' '}
          <strong className="number">{formatAmount(estimated(month.expected), currency)}</strong>
        </span>
      )}
      {month.budget && words && (
        <span className={classes.state} data-state={words}>
          {WORDS[words]} <Link href={budgetPath(month.budget.id)}>{month.budget.name}</Link>,{' '}
          <span className="number">
            {formatAmount(parseAmount(month.budget.available), currency)}
          </span>
        </span>
      )}
    </p>
  )
}
