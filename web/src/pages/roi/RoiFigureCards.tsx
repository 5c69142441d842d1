import type { ReactNode } from 'react'
import type { Roi, RoiFigures } from '@/api/roi'
import { type Amount, formatAmount, parseAmount } from '@/lib/amount'
import { previousLabel } from '@/lib/period'
import { pointsText, shareText } from '@/lib/roi'
import { Change, Figure, Spend } from '@/ui/Figures'
import { useScene } from '@/view/useView'
import classes from './Roi.module.css'

type Money = 'revenue' | 'spend' | 'profit' | 'spend_per_purchase'

/** The figures of the period, each against the period before. */
export function RoiFigureCards({ roi }: { roi: Roi }) {
  const { view } = useScene()
  const previous = view.compare ? roi.previous : null
  const money = (name: Money) => <AmountCard roi={roi} name={name} previous={previous} />
  return (
    <section className={classes.cards} aria-label="Revenue against spend">
      <Card title="Revenue">{money('revenue')}</Card>
      <Card title="Spend">{money('spend')}</Card>
      <Card title="Profit">{money('profit')}</Card>
      <Card title="Margin" about="profit of revenue">
        <ShareCard name="margin" total={roi.total} previous={previous} />
      </Card>
      <Card title="ROI" about="profit of spend">
        <ShareCard name="roi" total={roi.total} previous={previous} />
      </Card>
      <Card title="Spend a purchase">{money('spend_per_purchase')}</Card>
    </section>
  )
}

function Card({ title, about, children }: { title: string; about?: string; children: ReactNode }) {
  return (
    <article className={classes.card}>
      <h2 className={classes.cardTitle}>
        {title} {about && <span className="muted">{about}</span>}
      </h2>
      {children}
    </article>
  )
}

interface AmountCardProps {
  roi: Roi
  name: Money
  previous: RoiFigures | null
}

function AmountCard({ roi, name, previous }: AmountCardProps) {
  const { view, now: moment, tz } = useScene()
  const reading = (figures: RoiFigures | null) => {
    const text = figures?.[name]
    return text == null ? null : parseAmount(text)
  }
  const now = reading(roi.total)
  return (
    <>
      <p
        className={classes.figure}
        data-testid={`roi-${name}`}
        data-long={(now !== null && isLong(now, roi.currency)) || undefined}
      >
        {name === 'spend' ? (
          <Spend spend={now} unpriced={roi.total.unpriced} currency={roi.currency} />
        ) : (
          <Figure measure="spend" value={now} currency={roi.currency} />
        )}
      </p>
      {now === null && <p className={`${classes.change} muted`}>no purchase in this period</p>}
      {previous && now !== null && (
        <p className={classes.change}>
          <Change
            measure="spend"
            now={now}
            base={reading(previous)}
            against={previousLabel(view.period, moment, tz)}
            currency={roi.currency}
          />
        </p>
      )}
    </>
  )
}

/** Letters of a figure that a narrow card has room for. */
const SHORT_MAX = 11

function isLong(amount: Amount, currency: string): boolean {
  return formatAmount(amount, currency).length > SHORT_MAX
}

interface ShareCardProps {
  name: 'margin' | 'roi'
  total: RoiFigures
  previous: RoiFigures | null
}

function ShareCard({ name, total, previous }: ShareCardProps) {
  const { view, now, tz } = useScene()
  const points = previous && pointsText(total[name], previous[name])
  return (
    <>
      <p className={classes.figure} data-testid={`roi-${name}`}>
        {shareText(total[name])}
      </p>
      {previous && (
        <p className={`${classes.change} muted`}>
          {points ? (
            <>
              <strong>{points}</strong> vs {shareText(previous[name])},{' '}
              {previousLabel(view.period, now, tz)}
            </>
          ) : (
            'nothing to compare with'
          )}
        </p>
      )}
    </>
  )
}
