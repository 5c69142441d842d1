import { useMemo } from 'react'
import type { Roi, RoiRow } from '@/api/roi'
import { parseAmount, precisionOf } from '@/lib/amount'
import { type Attribute, attributeLabel } from '@/lib/filters'
import { formatCountExactly } from '@/lib/number'
import { roiName, shareText } from '@/lib/roi'
import { Figure, Spend } from '@/ui/Figures'
import { useView } from '@/view/useView'
import type { Column } from '@/widgets/DataTable'
import { NameLink } from '@/widgets/NameLink'
import classes from './Roi.module.css'

/** The columns of a table of groups with what they earned and spent. */
export function useRoiColumns(roi: Roi, by: Attribute): Column<RoiRow>[] {
  const [{ filters }] = useView()
  return useMemo(() => {
    const { currency, total } = roi
    const precision = precisionOf(
      roi.rows.flatMap(({ revenue, spend, profit }) => [revenue, spend, profit].map(parseAmount)),
    )
    const amount = (text: string | null) =>
      text === null ? (
        <span className="muted">–</span>
      ) : (
        <Figure
          measure="spend"
          value={parseAmount(text)}
          currency={currency}
          precision={precision}
        />
      )
    const money = (
      id: string,
      title: string,
      read: (row: RoiRow) => string | null,
      sum?: string | null,
    ): Column<RoiRow> => ({
      id,
      title,
      isFigure: true,
      order: (row) => ordered(read(row)),
      text: read,
      total: sum === undefined ? undefined : amount(sum),
      cell: (row) => amount(read(row)),
    })
    const share = (id: 'margin' | 'roi', title: string): Column<RoiRow> => ({
      id,
      title,
      isFigure: true,
      order: (row) => row[id],
      text: (row) => row[id],
      total: shareText(total[id]),
      cell: (row) => shareText(row[id]),
    })
    const spend = money('spend', 'Spend', (row) => row.spend)
    return [
      {
        id: by,
        title: attributeLabel(by),
        isHeading: true,
        className: classes.name,
        order: (row) => row.group[by] || null,
        text: (row) => row.group[by] ?? '',
        total: 'Total',
        cell: (row) =>
          row.group[by] ? (
            <NameLink attribute={by} name={row.group[by]} filters={filters} isRow />
          ) : (
            <span className="muted">{roiName(row, by)}</span>
          ),
      },
      money('revenue', 'Revenue', (row) => row.revenue, total.revenue),
      money('direct', 'Its own', (row) => row.attributed.direct),
      money('shared', 'Shared out', (row) => row.attributed.shared),
      {
        ...spend,
        total: (
          <Spend
            spend={parseAmount(total.spend)}
            unpriced={total.unpriced}
            currency={currency}
            precision={precision}
          />
        ),
        cell: (row) => (
          <Spend
            spend={parseAmount(row.spend)}
            unpriced={row.unpriced}
            currency={currency}
            precision={precision}
          />
        ),
      },
      money('profit', 'Profit', (row) => row.profit, total.profit),
      share('margin', 'Margin'),
      share('roi', 'ROI'),
      {
        id: 'purchases',
        title: 'Purchases',
        isFigure: true,
        order: ({ purchases }) => purchases,
        text: ({ purchases }) => purchases,
        hint: () => 'Those that say they are its own; they are not shared',
        cell: ({ purchases }) => formatCountExactly(purchases),
      },
      money('each', 'Spend each', (row) => row.spend_per_purchase),
    ]
  }, [roi, by, filters])
}

function ordered(text: string | null): bigint | null {
  return text === null ? null : parseAmount(text)
}
