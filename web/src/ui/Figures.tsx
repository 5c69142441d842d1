import {
  type Amount,
  formatAmount,
  formatAmountAt,
  formatAmountExactly,
  type Precision,
  parseAmount,
} from '@/lib/amount'
import {
  changeOf,
  formatReading,
  formatReadingExactly,
  type Measure,
  type Reading,
} from '@/lib/measures'
import { formatChange, plural } from '@/lib/number'
import classes from './Figures.module.css'

/** A reading for people, its every digit on hover. */
export function Figure({
  measure,
  value,
  currency,
  precision,
}: {
  measure: Measure
  value: Reading | undefined
  currency: string
  /** The table's, where it stands in one. */
  precision?: Precision
}) {
  return (
    <span className="number" title={formatReadingExactly(measure, value, currency)}>
      {formatReading(measure, value, currency, precision)}
    </span>
  )
}

interface MoneyProps {
  amount: Amount
  /** A currency, or a unit of somebody's own. */
  unit: string
  /** The table's, where it stands in one. */
  precision?: Precision
  /** Whether more is marked with a plus, as what is less is with a minus. */
  isChange?: boolean
}

/** An amount in its unit, its every digit on hover. */
export function Money({ amount, unit, precision, isChange }: MoneyProps) {
  const sign = isChange && amount > 0n ? '+' : ''
  return (
    <span className="number" title={sign + formatAmountExactly(amount, unit)}>
      {sign}
      {precision === undefined
        ? formatAmount(amount, unit)
        : formatAmountAt(amount, precision, unit)}
    </span>
  )
}

interface SpendProps {
  spend: Reading | undefined
  /** How many of the events in it have no price. */
  unpriced: Reading | undefined
  currency: string
  /** The table's, where it stands in one. */
  precision?: Precision
}

/** Spend of a group; never a bare zero for usage that has no price. */
export function Spend({ spend, unpriced, currency, precision }: SpendProps) {
  const count = Number(unpriced ?? 0)
  if (count > 0 && Number(spend ?? 0) === 0) {
    return (
      <span className={classes.unpriced} title={`${plural(count, 'event')} without a price`}>
        unpriced
      </span>
    )
  }
  const words = `and ${plural(count, 'event')} unpriced`
  return (
    <span className={classes.spend}>
      {count > 0 && (
        <span className={classes.partly} title={words}>
          <span aria-hidden="true">!</span>
          <span className="visually-hidden">{words}, </span>
        </span>
      )}
      <Figure measure="spend" value={spend} currency={currency} precision={precision} />
    </span>
  )
}

/** What an event costs; the word `unpriced` where no price was known, which is not zero. */
export function Charge({ amount, basis, currency, precision }: ChargeProps) {
  if (amount === null) return <span className={classes.unpriced}>unpriced</span>
  const parsed: Amount = parseAmount(amount)
  return (
    <span className={classes.spend}>
      {basis === 'partly_priced' && (
        <span className={classes.partly} title="partly priced">
          <span aria-hidden="true">!</span>
          <span className="visually-hidden">partly priced, </span>
        </span>
      )}
      <span className="number" title={formatAmountExactly(parsed, currency)}>
        {precision === undefined
          ? formatAmount(parsed, currency)
          : formatAmountAt(parsed, precision, currency)}
      </span>
    </span>
  )
}

interface ChargeProps {
  amount: string | null
  /** How it came about; a part is marked as one. */
  basis?: string
  currency: string
  precision?: Precision
}

interface ChangeProps {
  measure: Measure
  now: Reading | undefined
  base: Reading | undefined
  /** What the base is, e.g. `28 days before`. */
  against: string
  currency: string
  /** Leaves out the base where columns stand close; it is still read out and on hover. */
  short?: boolean
}

/**
 * A change with its base. Neither direction is coloured: more spend is bad against a budget,
 * not by itself.
 */
export function Change({ measure, now, base, against, currency, short }: ChangeProps) {
  const tenths = changeOf(now, base)
  const baseText = formatReading(measure, base, currency)
  if (tenths === null) {
    const words = base == null ? 'nothing to compare with' : `nothing ${against}`
    // What still is not is no news, and neither is what nobody knows the base of.
    const isNew = base != null && Number(now ?? 0) !== 0
    const brief = <abbr title={words}>{isNew ? 'new' : '–'}</abbr>
    return <span className={classes.change}>{short ? brief : words}</span>
  }
  const arrow = tenths > 0 ? '▲' : tenths < 0 ? '▼' : ''
  const exact = `${formatReadingExactly(measure, base, currency)}, ${against}`
  return (
    <span className={classes.change} title={exact}>
      <span className={classes.percent}>
        {arrow && (
          <span className={classes.arrow} aria-hidden="true">
            {arrow}
          </span>
        )}
        {formatChange(tenths)}
      </span>
      <span className={short ? 'visually-hidden' : undefined}>
        {' '}
        vs {baseText}, {against}
      </span>
    </span>
  )
}
