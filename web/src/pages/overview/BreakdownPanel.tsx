import { memo, useMemo } from 'react'
import { Link, useLocation } from 'wouter'
import { type UsageRow, useUsage } from '@/api/usage'
import { assignSlots, slotVariable } from '@/lib/colour'
import { attributeLabel, withOnly } from '@/lib/filters'
import { formatReadingExactly, precisionOfReadings, type Reading, shareOf } from '@/lib/measures'
import { formatShare } from '@/lib/number'
import { previousLabel, previousUpToNow } from '@/lib/period'
import { groupKey, groupLabel, SERIES_MAX } from '@/lib/series'
import type { View } from '@/lib/view'
import { Change, Spend } from '@/ui/Figures'
import { Loaded } from '@/ui/Loaded'
import { moveWithArrows } from '@/ui/moveWithArrows'
import { Panel } from '@/ui/Panel'
import { Empty } from '@/ui/States'
import table from '@/ui/table.module.css'
import { linkTo, useScene, useView } from '@/view/useView'
import { NameLink } from '@/widgets/NameLink'
import { PanelMenuLater } from '@/widgets/PanelMenuLater'
import classes from './BreakdownPanel.module.css'

/** Enough rows of the period before to find this one's largest among them. */
const BASE_ROWS_MAX = 1_000

/** What the spend is made of; also the chart's legend. A row narrows the page to itself, a name leads to its page. */
export const BreakdownPanel = memo(function BreakdownPanel({
  onHover,
}: {
  onHover: (key: string | null) => void
}) {
  const [view, changeView] = useView()
  const [, navigate] = useLocation()
  const { range, tz, now, currency } = useScene()
  const attribute = view.by[0] ?? 'provider'
  const ask = {
    tz,
    filters: view.filters,
    by: [attribute],
    measures: ['spend' as const, 'unpriced' as const],
  }
  const current = useUsage('breakdown', { ...ask, range, top: SERIES_MAX })
  const before = useUsage(
    'breakdown',
    { ...ask, range: previousUpToNow(view.period, now, tz), top: BASE_ROWS_MAX },
    { enabled: view.compare },
  )
  const rows = current.data?.rows ?? []
  const slots = useMemo(() => assignSlots(attribute, rows.map(groupKey)), [attribute, rows])
  const precision = precisionOfReadings(rows.map((row) => row.readings.spend))
  const base = useMemo(() => spendByKey(before.data?.rows), [before.data])
  const knowsAll = before.data !== undefined && !before.data.rows.some((row) => row.isOther)

  const drill = (row: UsageRow) => {
    if (row.isOther) return navigate(linkTo('/explore', { ...view, by: [attribute] } as View))
    changeView({ filters: withOnly(view.filters, attribute, row.names[0] ?? '') })
  }
  return (
    <Panel
      title={`By ${attributeLabel(attribute).toLowerCase()}`}
      flush
      className={classes.panel}
      actions={
        <>
          <Link className={classes.more} href={linkTo('/explore', { ...view, by: [attribute] })}>
            All in Explore
          </Link>
          <PanelMenuLater
            title={`spend by ${attributeLabel(attribute).toLowerCase()}`}
            view={{ ...view, by: [attribute], shown: 'table' }}
          />
        </>
      }
    >
      <Loaded
        query={current}
        what="The breakdown"
        rows={6}
        isEmpty={({ rows }) => rows.length === 0}
        empty={<Empty title="Nothing to break down" />}
      >
        {({ total }) => (
          <table
            className={table.table}
            onKeyDown={moveWithArrows}
            onPointerLeave={() => onHover(null)}
          >
            <thead>
              <tr>
                <th scope="col">{attributeLabel(attribute)}</th>
                <th scope="col" className={table.right}>
                  Spend
                </th>
                <th scope="col" className={table.right}>
                  Share
                </th>
                {view.compare && (
                  <th scope="col" className={table.right}>
                    Change
                  </th>
                )}
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => {
                const key = groupKey(row)
                const { spend } = row.readings
                const share = shareOf(spend, total.spend)
                return (
                  <tr
                    key={key}
                    className={table.opens}
                    onClick={() => drill(row)}
                    onPointerEnter={() => onHover(key)}
                  >
                    <th scope="row" className={classes.name}>
                      {row.isOther ? (
                        <button
                          type="button"
                          data-row
                          aria-label={`${groupLabel(row)}, show all in Explore`}
                          className={table.rowButton}
                          onFocus={() => onHover(key)}
                          onBlur={() => onHover(null)}
                          onClick={(event) => {
                            event.stopPropagation()
                            drill(row)
                          }}
                        >
                          {groupLabel(row)}
                        </button>
                      ) : (
                        <NameLink
                          isRow
                          attribute={attribute}
                          name={row.names[0]}
                          narrow={() => drill(row)}
                          onFocus={() => onHover(key)}
                          onBlur={() => onHover(null)}
                        />
                      )}
                      <Bar size={(share ?? 0) / 1000} colour={slotVariable(slots.get(key))} />
                    </th>
                    <td
                      className={table.right}
                      title={formatReadingExactly('spend', spend, currency)}
                    >
                      <Spend
                        spend={spend}
                        unpriced={row.readings.unpriced}
                        currency={currency}
                        precision={precision}
                      />
                    </td>
                    <td className={`${table.right} muted`}>
                      {share === null ? '–' : formatShare(share)}
                    </td>
                    {view.compare && (
                      <td className={table.right}>
                        {row.isOther || !before.data ? (
                          <span className="muted">–</span>
                        ) : (
                          <Change
                            short
                            measure="spend"
                            now={spend}
                            base={base.get(key) ?? (knowsAll ? (0n as Reading) : undefined)}
                            against={previousLabel(view.period, now, tz)}
                            currency={currency}
                          />
                        )}
                      </td>
                    )}
                  </tr>
                )
              })}
            </tbody>
          </table>
        )}
      </Loaded>
    </Panel>
  )
})

function Bar({ size, colour }: { size: number; colour: string }) {
  return (
    <span className={classes.track} aria-hidden="true">
      <span
        className={classes.bar}
        style={{ width: `${Math.min(1, Math.max(0, size)) * 100}%`, background: colour }}
      />
    </span>
  )
}

function spendByKey(rows: UsageRow[] | undefined): Map<string, Reading | undefined> {
  return new Map((rows ?? []).map((row) => [groupKey(row), row.readings.spend]))
}
