import { SegmentedControl } from '@mantine/core'
import { Link } from 'wouter'
import type { Roi as RoiAnswer, RoiRow } from '@/api/roi'
import { type Precision, parseAmount, precisionOf } from '@/lib/amount'
import { csvDataHref, csvName } from '@/lib/csv'
import { type Attribute, attributeLabel } from '@/lib/filters'
import { formatCountExactly, plural } from '@/lib/number'
import {
  DEFAULT_GROUP,
  RULES,
  readRule,
  roiFilters,
  roiGroupsCsv,
  roiName,
  shareText,
} from '@/lib/roi'
import { CsvLink } from '@/ui/CsvLink'
import { Figure, Spend } from '@/ui/Figures'
import { Panel } from '@/ui/Panel'
import { Sideways } from '@/ui/Sideways'
import { Empty, sentence, TableSkeleton } from '@/ui/States'
import table from '@/ui/table.module.css'
import { useParam } from '@/view/useParam'
import { linkTo, useScene } from '@/view/useView'
import { AttributeSelect } from '@/widgets/AttributeSelect'
import classes from './Roi.module.css'

/** Groups that are shown, at most. */
const ROWS_MAX = 100

interface GroupsPanelProps {
  roi: RoiAnswer
  by: Attribute
  isStale: boolean
}

export function GroupsPanel({ roi, by, isStale }: GroupsPanelProps) {
  const [asked, ask] = useParam('rule')
  const [, group] = useParam('group')
  const { range, tz } = useScene()
  return (
    <Panel
      title={`By ${attributeLabel(by).toLowerCase()}`}
      note={sentence(roi.rule.text)}
      flush
      actions={
        <>
          <SegmentedControl
            size="xs"
            aria-label="How shared revenue is shared out"
            data={Object.entries(RULES).map(([value, label]) => ({ value, label }))}
            value={readRule(asked)}
            onChange={(rule) => ask(rule === 'spend' ? null : rule, { replace: true })}
          />
          <AttributeSelect
            label="Group by"
            hidesLabel
            size="xs"
            value={by}
            onChange={(next) => group(next === DEFAULT_GROUP ? null : next, { replace: true })}
          />
          {roi.rows.length > 0 && (
            <CsvLink
              name={csvName(['revenue-and-spend-by', by], range, tz)}
              label="Save the groups as CSV"
              href={csvDataHref(roiGroupsCsv(roi, by))}
            />
          )}
        </>
      }
    >
      {isStale && roi.rows.length === 0 ? (
        <TableSkeleton rows={4} label="The groups are loading" />
      ) : roi.rows.length === 0 ? (
        <Empty title="Nothing was spent or earned in this period" />
      ) : (
        <>
          <GroupsTable roi={roi} by={by} />
          {roi.rows.length > ROWS_MAX && (
            <p className={classes.more}>
              The first {ROWS_MAX} of {plural(roi.rows.length, 'row')}. A filter brings up the
              others.
            </p>
          )}
        </>
      )}
    </Panel>
  )
}

function GroupsTable({ roi, by }: { roi: RoiAnswer; by: Attribute }) {
  const { view } = useScene()
  const far = table.right
  const precision = precisionOf(
    roi.rows.flatMap(({ revenue, spend, profit }) => [revenue, spend, profit].map(parseAmount)),
  )
  return (
    <Sideways label="Figures, row by row">
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col" className={classes.head}>
              {attributeLabel(by)}
            </th>
            <th scope="col" className={table.right}>
              Revenue
            </th>
            <th scope="col" className={far}>
              Its own
            </th>
            <th scope="col" className={far}>
              Shared out
            </th>
            <th scope="col" className={table.right}>
              Spend
            </th>
            <th scope="col" className={table.right}>
              Profit
            </th>
            <th scope="col" className={far} title="Profit as a part of revenue">
              Margin
            </th>
            <th scope="col" className={far} title="Profit as a part of spend">
              ROI
            </th>
            <th
              scope="col"
              className={far}
              title="Those that say they are its own; they are not shared"
            >
              Purchases
            </th>
            <th scope="col" className={far}>
              Spend each
            </th>
          </tr>
        </thead>
        <tbody>
          {roi.rows.slice(0, ROWS_MAX).map((row) => (
            <tr key={row.group[by] ?? ''}>
              <th scope="row" className={classes.name}>
                <Link
                  title="The usage behind it"
                  href={linkTo('/explore', {
                    ...view,
                    by: ['model'],
                    filters: roiFilters(row, by, view.filters),
                    shown: 'chart',
                  })}
                >
                  {roiName(row, by)}
                </Link>
              </th>
              <RowCells row={row} currency={roi.currency} precision={precision} />
            </tr>
          ))}
        </tbody>
      </table>
    </Sideways>
  )
}

function RowCells({
  row,
  currency,
  precision,
}: {
  row: RoiRow
  currency: string
  precision: Precision
}) {
  const far = table.right
  const money = (text: string | null) =>
    text === null ? (
      <span className="muted">–</span>
    ) : (
      <Figure measure="spend" value={parseAmount(text)} currency={currency} precision={precision} />
    )
  return (
    <>
      <td className={table.right}>{money(row.revenue)}</td>
      <td className={far}>{money(row.attributed.direct)}</td>
      <td className={far}>{money(row.attributed.shared)}</td>
      <td className={table.right}>
        <Spend
          spend={parseAmount(row.spend)}
          unpriced={row.unpriced}
          currency={currency}
          precision={precision}
        />
      </td>
      <td className={table.right}>{money(row.profit)}</td>
      <td className={far}>{shareText(row.margin)}</td>
      <td className={far}>{shareText(row.roi)}</td>
      <td className={far}>{formatCountExactly(row.purchases)}</td>
      <td className={far}>{money(row.spend_per_purchase)}</td>
    </>
  )
}
