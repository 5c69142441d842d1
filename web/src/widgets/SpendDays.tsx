import { useMemo } from 'react'
import { Link } from 'wouter'
import { type SpendInsight, useSpendInsight } from '@/api/insights'
import { ChartSkeleton } from '@/charts/ChartSkeleton'
import { InsightChart } from '@/charts/InsightChart'
import { estimated, formatAmount, formatAmountExactly, parseAmount } from '@/lib/amount'
import type { Filter } from '@/lib/filters'
import { historyDays, insightDays, shareChange, trendWords } from '@/lib/insights'
import { plural, THIN } from '@/lib/number'
import { formatDay } from '@/lib/time'
import { Loaded } from '@/ui/Loaded'
import { Panel } from '@/ui/Panel'
import { Bone, sentence } from '@/ui/States'
import { linkTo, useScene } from '@/view/useView'
import { InsightTable } from './InsightTable'
import { MarksList } from './MarksList'
import { NoUsage } from './NoUsage'
import { PanelMenu } from './PanelMenu'
import { ShownSwitch } from './ShownSwitch'
import classes from './SpendDays.module.css'
import { useDayMarks } from './useMarks'

const HEIGHT = 340
/** Days to come. */
const HORIZON = 30

/** How the days of some usage went, and how the next may go. */
export function useSpendDays(filters: Filter[]) {
  const { range, tz, now } = useScene()
  const history = historyDays(range, now, tz)
  const insight = useSpendInsight({ days: history, horizon: HORIZON, tz, filters })
  return { insight, history }
}

/** The days that were and those to come, with what was unusual. */
export function SpendDaysPanel({ filters }: { filters: Filter[] }) {
  const scene = useScene()
  const { view, tz, now, currency } = scene
  const { insight, history } = useSpendDays(filters)
  const days = useMemo(() => (insight.data ? insightDays(insight.data) : []), [insight.data])
  const { marks, placed } = useDayMarks(filters, days, tz)
  return (
    <Panel
      title={`Spend a day, the last ${history} days and ${HORIZON} to come`}
      note={`Days of ${tz}`}
      actions={
        <>
          <ShownSwitch />
          <PanelMenu
            title="spend a day"
            view={{ ...view, filters, by: [], measure: 'spend', every: 'day' }}
          />
        </>
      }
    >
      <Loaded
        query={insight}
        what="The analysis"
        still="The overview and Explore still show what was spent."
        skeleton={
          <>
            <div className={classes.figures}>
              <Bone width={220} height={22} />
            </div>
            <ChartSkeleton height={HEIGHT} />
          </>
        }
        isEmpty={() => days.length === 0}
        empty={
          <NoUsage title="No usage in these days">
            Pick a longer period, or take a filter away.
          </NoUsage>
        }
      >
        {(data) => (
          <>
            <Summary insight={data} currency={currency} />
            <Weakness notes={[data.note, data.forecast?.note ?? null]} />
            {view.shown === 'table' ? (
              <InsightTable days={days} currency={currency} height={HEIGHT} />
            ) : (
              <>
                <InsightChart
                  days={days}
                  changes={data.changes}
                  currency={currency}
                  now={now}
                  height={HEIGHT}
                  label={chartLabel(data, currency)}
                  marks={placed}
                />
                <Legend />
              </>
            )}
            <MarksList
              marks={marks}
              scene={scene}
              filters={filters}
              isDrawn={view.shown !== 'table'}
            />
            <Findings insight={data} currency={currency} />
          </>
        )}
      </Loaded>
    </Panel>
  )
}

/** What cannot be said, and why. */
function Weakness({ notes }: { notes: (string | null)[] }) {
  return notes
    .filter((note) => note !== null)
    .map((note) => (
      <p key={note} className={classes.note}>
        {sentence(note)}
      </p>
    ))
}

function chartLabel({ anomalies, changes, summary }: SpendInsight, currency: string): string {
  return [
    `Daily spend with forecast, ${formatAmount(parseAmount(summary.total), currency)} in total`,
    plural(anomalies.length, 'unusual day'),
    plural(changes.length, 'new level'),
  ].join(', ')
}

function Summary({ insight, currency }: { insight: SpendInsight; currency: string }) {
  const { summary, forecast } = insight
  const money = (units: number) => formatAmount(estimated(units), currency)
  const total = parseAmount(summary.total)
  return (
    <dl className={classes.summary}>
      <div>
        <dt>A day</dt>
        <dd title={`${formatAmountExactly(total, currency)} in all of these days`}>
          {money(summary.daily)}
        </dd>
      </div>
      <div>
        <dt>Direction</dt>
        <dd>{trendWords(summary)}</dd>
      </div>
      {summary.weekly_growth !== null && (
        <div>
          <dt>Week on week</dt>
          <dd>{shareChange(summary.weekly_growth)}</dd>
        </div>
      )}
      <div>
        <dt title="How far a day usually lies from its level and weekday">Noise</dt>
        <dd>
          ±{Math.round(summary.volatility * 100)}
          {THIN}%
        </dd>
      </div>
      <div>
        <dt>The next {HORIZON} days</dt>
        <dd>
          {forecast ? (
            <>
              {money(forecast.total)}{' '}
              {forecast.total_low !== null && forecast.total_high !== null && (
                <span className="muted small" title="In four of five cases it is between these">
                  80{THIN}%: {money(forecast.total_low)} to {money(forecast.total_high)}
                </span>
              )}
            </>
          ) : (
            <span className="muted">no forecast</span>
          )}
        </dd>
      </div>
    </dl>
  )
}

function Legend() {
  return (
    <p className={classes.legend} aria-hidden="true">
      <span>
        <i className={classes.keySpend} /> spend
      </span>
      <span>
        <i className={classes.keyRunning} /> today, not over
      </span>
      <span>
        <i className={classes.keyBand} /> expected
      </span>
      <span>
        <i className={classes.keyLevel} /> level
      </span>
      <span>
        <i className={classes.keyForecast} /> forecast, 80 % range
      </span>
      <span>
        <i className={classes.keyOdd} /> unusual day
      </span>
      <span>
        <i className={classes.keyChange} /> new level
      </span>
    </p>
  )
}

/** The newest findings first, each with a link to the day's usage. */
function Findings({ insight, currency }: { insight: SpendInsight; currency: string }) {
  const { view, now } = useScene()
  const money = (units: number) => formatAmount(estimated(units), currency)
  const day = (date: string) => formatDay(new Date(`${date}T00:00:00Z`), 'UTC', now)
  const usageOf = (from: string, to: string) =>
    linkTo('/explore', { ...view, period: { kind: 'custom', from, to }, shown: 'chart' })
  const found = [
    ...insight.anomalies.map((anomaly) => ({
      key: `anomaly ${anomaly.date}`,
      date: anomaly.date,
      href: usageOf(anomaly.date, anomaly.date),
      words: `${money(anomaly.spend)} instead of ${money(anomaly.low)} to ${money(anomaly.high)}, ${anomaly.severity} severity`,
      kind: `Unusually ${anomaly.direction}`,
    })),
    ...insight.changes.map((change) => ({
      key: `change ${change.date}`,
      date: change.date,
      href: usageOf(change.first, change.last),
      words: `From ${money(change.before)} to ${money(change.after)} a day${change.before > 0 ? `, ${shareChange(change.after / change.before - 1)}` : ''}`,
      kind: 'New level',
    })),
  ].sort((a, b) => (a.date < b.date ? 1 : -1))
  if (found.length === 0) {
    return insight.note ? null : (
      <p className={classes.calm}>No day was unusual, and the level stayed the same.</p>
    )
  }
  return (
    <ul className={classes.findings} aria-label="Findings">
      {found.slice(0, FINDINGS_MAX).map(({ key, date, href, words, kind }) => (
        <li key={key}>
          <Link href={href} title="The usage behind it">
            {day(date)}
          </Link>
          <span className={classes.kind}>{kind}</span>
          <span className="number">{words}</span>
        </li>
      ))}
    </ul>
  )
}

/** More would be a list to search; the chart and the table have all of them. */
const FINDINGS_MAX = 8
