import { useMemo } from 'react'
import type { Budget } from '@/api/budgets'
import { useSpendInsight } from '@/api/insights'
import { useUsage } from '@/api/usage'
import { ChartSkeleton } from '@/charts/ChartSkeleton'
import { MonthChart } from '@/charts/MonthChart'
import { runningBucket } from '@/charts/seriesSheet'
import { type Amount, drawnUnits, formatAmount, parseAmount } from '@/lib/amount'
import { budgetAhead } from '@/lib/budgets'
import { readScope } from '@/lib/filters'
import { historyDays } from '@/lib/insights'
import { monthDays } from '@/lib/month'
import { rangeLabel } from '@/lib/period'
import { tabulate } from '@/lib/series'
import { bucketStarts, dayOf } from '@/lib/time'
import { Loaded } from '@/ui/Loaded'
import { Panel } from '@/ui/Panel'
import { useScene } from '@/view/useView'
import { useMarks, usePlacedMarks } from '@/widgets/useMarks'

const HEIGHT = 280
/** Days of the forecast whose shape is drawn; what lies beyond is shared out evenly. */
const HORIZON = 30

/** The window of a budget from its first day on, against all of it, with where it ends. */
export function BudgetCourse({ budget }: { budget: Budget }) {
  const scene = useScene()
  const { now, currency } = scene
  const { tz, status } = budget
  const range = useMemo(
    () => ({ from: new Date(status.from), to: new Date(status.to) }),
    [status.from, status.to],
  )
  const filters = useMemo(() => readScope(budget.scope), [budget.scope])
  const starts = useMemo(() => bucketStarts(range, 'day', tz), [range, tz])
  const daily = useUsage('series', { range, tz, filters, measures: ['spend'], every: 'day' })
  const insight = useSpendInsight({
    days: historyDays(range, now, tz),
    horizon: HORIZON,
    tz,
    filters,
  })
  const marks = useMarks({
    scene: { ...scene, range, tz },
    filters,
    measure: 'spend',
    enabled: daily.data !== undefined,
  })
  const placed = usePlacedMarks(marks, starts, 'day', tz)
  const isOver = now >= range.to
  const days = useMemo(() => {
    if (!daily.data) return undefined
    const { totals } = tabulate(daily.data.rows, starts, 'spend', [])
    const running = isOver ? starts.length - 1 : runningBucket(starts, now)
    const expectedOn = new Map(
      (insight.data?.forecast?.days ?? []).map(({ date, expected }) => [date, expected] as const),
    )
    // The way there is drawn once its shape is known, or cannot be.
    const toCome =
      isOver || insight.isPending
        ? []
        : starts.slice(Math.max(0, running)).map((at) => dayOf(at, tz))
    const ahead = budgetAhead(status, toCome, expectedOn)
    return monthDays(starts, totals as Amount[], running, ahead)
  }, [daily.data, starts, isOver, now, insight.data, insight.isPending, status, tz])
  const available = parseAmount(status.available)
  return (
    <Panel
      title="Day upon day, against all of it"
      note={`${rangeLabel(range, now, tz)}, days of ${tz}`}
    >
      <Loaded
        query={{ ...daily, data: days }}
        what="The course"
        skeleton={<ChartSkeleton height={HEIGHT} />}
      >
        {(days) => (
          <MonthChart
            days={days}
            budget={drawnUnits(available)}
            tz={tz}
            now={now}
            currency={currency}
            height={HEIGHT}
            label={`${budget.name} from its first day on: ${formatAmount(parseAmount(status.spent), currency)} of ${formatAmount(available, currency)} spent`}
            marks={placed}
          />
        )}
      </Loaded>
    </Panel>
  )
}
