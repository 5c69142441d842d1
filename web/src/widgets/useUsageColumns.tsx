import { useMemo } from 'react'
import type { UsageRow } from '@/api/usage'
import { amountText } from '@/lib/amount'
import { type Slot, slotVariable } from '@/lib/colour'
import { type Attribute, attributeLabel } from '@/lib/filters'
import {
  formatReadingExactly,
  isAdditive,
  MEASURES,
  type Measure,
  precisionOfReadings,
  type Reading,
  type Readings,
  shareOf,
} from '@/lib/measures'
import { groupKey } from '@/lib/series'
import { Change, Figure, Spend } from '@/ui/Figures'
import type { Column } from './DataTable'
import { NameLink } from './NameLink'
import { ShareBar } from './ShareBar'
import classes from './UsageColumns.module.css'

/** What a long name of a measure is called at the head of a column. */
const SHORT_LABELS: Partial<Record<Measure, string>> = { latency_p95_ms: 'p95 latency' }

interface UsageColumns {
  by: Attribute[]
  rows: UsageRow[]
  total: Readings | undefined
  /** What the rows are measured by, the one that matters first. */
  measures: Measure[]
  /** Measures that are shown only where somebody chose them. */
  optional?: Measure[]
  slots: Map<string, Slot>
  currency: string
  /** The same groups in the period before, and what that was, where it is compared. */
  before?: { readings: (row: UsageRow) => Reading | undefined; label: string }
  /** Narrows the page to a group. */
  narrow?: (row: UsageRow) => void
  onFocus?: (row: UsageRow | null) => void
}

/** The columns of a table of usage by group: names that lead to their pages, shares, measures. */
export function useUsageColumns(asked: UsageColumns): Column<UsageRow>[] {
  const { by, rows, total, measures, optional = [], slots, currency, before, narrow } = asked
  return useMemo(() => {
    const [main = 'spend'] = measures
    const precision = precisionOfReadings(rows.map((row) => row.readings.spend))
    const names = by.map(
      (attribute, at): Column<UsageRow> => ({
        id: attribute,
        title: attributeLabel(attribute),
        isHeading: at === 0,
        className: classes.name,
        order: (row) => row.names[at] || null,
        text: (row) => (row.isOther ? 'Other' : (row.names[at] ?? '')),
        total: at === 0 ? 'Total' : undefined,
        cell: (row) =>
          row.isOther ? (
            at === 0 && 'All others'
          ) : (
            <NameLink
              attribute={attribute}
              name={row.names[at]}
              isRow={at === 0}
              narrow={at === 0 && narrow ? () => narrow(row) : undefined}
              onFocus={() => asked.onFocus?.(row)}
              onBlur={() => asked.onFocus?.(null)}
            />
          ),
      }),
    )
    const share: Column<UsageRow> = {
      id: 'share',
      title: 'Share',
      isWide: true,
      className: classes.share,
      cell: (row) => (
        <ShareBar
          share={shareOf(row.readings[main], total?.[main])}
          colour={slotVariable(slots.get(groupKey(row)) ?? null)}
        />
      ),
    }
    const figures = [...measures, ...optional].map(
      (measure): Column<UsageRow> => ({
        id: measure,
        title: SHORT_LABELS[measure] ?? MEASURES[measure].label,
        isFigure: true,
        isWide: measure !== main,
        isOptional: optional.includes(measure),
        order: (row) => row.readings[measure] ?? null,
        text: (row) => written(row.readings[measure]),
        hint: (row) => formatReadingExactly(measure, row.readings[measure], currency),
        total: isAdditive(measure) && total && (
          <Figure measure={measure} value={total[measure]} currency={currency} />
        ),
        cell: (row) =>
          measure === 'spend' ? (
            <Spend
              spend={row.readings.spend}
              unpriced={row.readings.unpriced}
              currency={currency}
              precision={precision}
            />
          ) : (
            <Figure measure={measure} value={row.readings[measure]} currency={currency} />
          ),
      }),
    )
    const change: Column<UsageRow> = {
      id: 'change',
      title: 'Change',
      isFigure: true,
      cell: (row) => {
        if (row.isOther || !before) return <span className="muted">–</span>
        return (
          <Change
            short
            measure={main}
            now={row.readings[main]}
            base={before.readings(row)}
            against={before.label}
            currency={currency}
          />
        )
      },
    }
    return [...names, ...(isAdditive(main) ? [share] : []), ...figures, ...(before ? [change] : [])]
  }, [by, rows, total, measures, optional, slots, currency, before, narrow, asked.onFocus])
}

function written(reading: Reading | undefined): string | number | null {
  return typeof reading === 'bigint' ? amountText(reading) : (reading ?? null)
}
