import type { SpendInsight } from '@/api/insights'
import { estimated, formatAmount } from '@/lib/amount'
import { formatDay } from '@/lib/time'
import { Panel } from '@/ui/Panel'
import { useScene } from '@/view/useView'
import classes from './Insights.module.css'

const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']

/** Spend taken apart: a level that moves slowly, a weekday's profile, and what neither explains. */
export function PartsPanel({ insight, currency }: { insight: SpendInsight; currency: string }) {
  const days = insight.days.filter(({ level }) => level !== null)
  const dates: [string, string] = [days[0]?.date ?? '', days.at(-1)?.date ?? '']
  return (
    <Panel title="What a day is made of" note="The level, plus its weekday, plus the rest">
      <div className={classes.parts}>
        <figure className={classes.part}>
          <figcaption>Level</figcaption>
          <Course
            values={days.map(({ level }) => level ?? 0)}
            dates={dates}
            currency={currency}
            label="Level of daily spend"
            fromZero
          />
        </figure>
        <figure className={classes.part}>
          <figcaption>
            A weekday, on the mean{' '}
            {!insight.summary.weekly && <span className="muted">no clear weekly pattern</span>}
          </figcaption>
          <Weekdays weekdays={insight.weekdays} currency={currency} />
        </figure>
        <figure className={classes.part}>
          <figcaption>Rest</figcaption>
          <Course
            values={days.map(({ rest }) => rest ?? 0)}
            dates={dates}
            currency={currency}
            label="What neither level nor weekday explains"
          />
        </figure>
      </div>
    </Panel>
  )
}

interface CourseProps {
  values: number[]
  dates: [string, string]
  currency: string
  label: string
  /** Whether the axis begins at zero. */
  fromZero?: boolean
}

const [WIDTH, HEIGHT] = [300, 96]

/** A small line with its extremes and its first and last day. */
function Course({ values, dates, currency, label, fromZero }: CourseProps) {
  const { now } = useScene()
  const highest = Math.max(...values, 0)
  const lowest = fromZero ? 0 : Math.min(...values, 0)
  const tall = highest - lowest || 1
  const x = (at: number) => (at / Math.max(1, values.length - 1)) * WIDTH
  const y = (value: number) => ((highest - value) / tall) * HEIGHT
  const money = (units: number) => formatAmount(estimated(units), currency)
  const day = (date: string) => formatDay(new Date(`${date}T00:00:00Z`), 'UTC', now)
  return (
    <div className={classes.course}>
      <span className={classes.axis}>
        <span>{money(highest)}</span>
        <span>{money(lowest)}</span>
      </span>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${label}: ${money(values[0] ?? 0)} at first, ${money(values.at(-1) ?? 0)} at last, between ${money(Math.min(...values))} and ${money(highest)}`}
      >
        <line x1={0} x2={WIDTH} y1={y(0)} y2={y(0)} className={classes.zero} />
        <polyline
          points={values.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ')}
          className={classes.curve}
        />
      </svg>
      <span className={classes.dates}>
        <span>{day(dates[0])}</span>
        <span>{day(dates[1])}</span>
      </span>
    </div>
  )
}

/** What a Monday costs, a Tuesday, and so on, on the mean. */
function Weekdays({
  weekdays,
  currency,
}: {
  weekdays: SpendInsight['weekdays']
  currency: string
}) {
  const most = Math.max(...weekdays.map((mean) => mean ?? 0), Number.MIN_VALUE)
  return (
    <ul className={classes.weekdays}>
      {WEEKDAYS.map((name, at) => {
        const mean = weekdays[at] ?? null
        return (
          <li key={name}>
            <span>{name}</span>
            <span className={classes.mean} aria-hidden="true">
              <span style={{ width: `${((mean ?? 0) / most) * 100}%` }} />
            </span>
            <span className="number">
              {mean === null ? '–' : formatAmount(estimated(mean), currency)}
            </span>
          </li>
        )
      })}
    </ul>
  )
}
