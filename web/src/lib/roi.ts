import type { Roi, RoiRow, RoiRule } from '@/wire'
import { drawnUnits, formatAmount, parseAmount } from './amount'
import { csvText } from './csv'
import { type Attribute, isAttribute } from './filters'
import { formatCount, formatShare } from './number'

export const RULES: Record<RoiRule, string> = {
  direct: 'Direct only',
  spend: 'By spend',
  even: 'Evenly',
}

export function readRule(text: string | null): RoiRule {
  return text !== null && Object.hasOwn(RULES, text) ? (text as RoiRule) : 'spend'
}

/** What revenue is held against by default: the service that it is for. */
export const DEFAULT_GROUP: Attribute = 'service'

export function readGroup(text: string | null): Attribute {
  return text !== null && isAttribute(text) ? text : DEFAULT_GROUP
}

/** A share of one with its sign, `−4.2 %`; above tenfold a factor, `×14`. */
export function shareText(share: number | null): string {
  if (share === null) return '–'
  const sign = share < 0 ? '−' : ''
  if (Math.abs(share) >= 10) return `${sign}×${formatCount(Math.round(Math.abs(share)))}`
  return sign + formatShare(Math.round(Math.abs(share) * 1000))
}

/** The change of a share in points, `+3.1 points`; percents of percents mislead. */
export function pointsText(now: number | null, before: number | null): string | null {
  if (now === null || before === null) return null
  const points = Math.round((now - before) * 1000) / 10
  const sign = points > 0 ? '+' : points < 0 ? '−' : '±'
  return `${sign}${Math.abs(points)}\u00a0points`
}

/** What a row is about, e.g. the service's name. */
export function roiName({ group }: RoiRow, by: Attribute): string {
  return group[by] || 'not set'
}

/** Whether anything was ever sold in the period, in any currency. */
export function hasRevenue({ total, other_currencies }: Roi): boolean {
  return parseAmount(total.revenue) !== 0n || total.purchases > 0 || other_currencies.length > 0
}

/** `€120.00 and £3.00`; nothing where all revenue is in the deployment's currency. */
export function otherRevenue({ other_currencies }: Roi): string | null {
  const sums = other_currencies.map(({ currency, revenue }) =>
    formatAmount(parseAmount(revenue), currency.toUpperCase()),
  )
  if (sums.length < 2) return sums[0] ?? null
  return `${sums.slice(0, -1).join(', ')} and ${sums.at(-1)}`
}

/** Where profit goes within the period; how it compares with the one before stands at its figure. */
export function roiTrend({ trend }: Roi): string {
  return `Profit is ${trend.direction}`
}

/** A bucket as floats, for pixels. */
export function drawnBucket({ revenue, spend, profit }: Roi['series'][number]) {
  const units = (text: string) => drawnUnits(parseAmount(text))
  return { revenue: units(revenue), spend: units(spend), profit: units(profit) }
}

/** The command that brings the first revenue onto the page. */
export function revenueCommand(origin: string, now: Date): string {
  return `curl ${origin}/api/v1/revenue \\
  -H 'Authorization: Bearer KEY' -H 'Content-Type: application/json' \\
  -d '{"id": "order-1", "occurred_at": "${now.toISOString().slice(0, 19)}Z",
       "amount": "49.00", "attributes": {"service": "search"}}'`
}

/** The buckets with every digit, by the API's names. */
export function roiSeriesCsv({ series }: Roi): string {
  return csvText(
    ['start', 'revenue', 'spend', 'profit', 'unpriced'],
    series.map((own) => [own.start, own.revenue, own.spend, own.profit, own.unpriced]),
  )
}

/** The groups with every digit, by the API's names. */
export function roiGroupsCsv({ rows }: Roi, by: Attribute): string {
  return csvText(
    [
      by,
      'revenue',
      'direct',
      'shared',
      'spend',
      'profit',
      'margin',
      'roi',
      'purchases',
      'spend_per_purchase',
      'unpriced',
    ],
    rows.map((row) => [
      row.group[by] ?? '',
      row.revenue,
      row.attributed.direct,
      row.attributed.shared,
      row.spend,
      row.profit,
      row.margin,
      row.roi,
      row.purchases,
      row.spend_per_purchase,
      row.unpriced,
    ]),
  )
}
