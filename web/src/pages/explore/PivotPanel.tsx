import { Button } from '@mantine/core'
import { IconArrowDown, IconArrowUp } from '@tabler/icons-react'
import { useMemo, useState } from 'react'
import { csvHref, type UsageRow, useUsage } from '@/api/usage'
import { assignSlots, slotVariable } from '@/lib/colour'
import { csvName } from '@/lib/csv'
import { attributeLabel, withOnly } from '@/lib/filters'
import {
  isAdditive,
  isMeasure,
  MEASURES,
  type Measure,
  precisionOfReadings,
  shareOf,
} from '@/lib/measures'
import { formatShare, plural } from '@/lib/number'
import { previousLabel, previousUpToNow } from '@/lib/period'
import { groupKey, SERIES_MAX } from '@/lib/series'
import { CsvLink } from '@/ui/CsvLink'
import { Change, Figure, Spend } from '@/ui/Figures'
import { moveWithArrows } from '@/ui/moveWithArrows'
import { Panel } from '@/ui/Panel'
import { Empty, Failure, TableSkeleton } from '@/ui/States'
import table from '@/ui/table.module.css'
import { useParam } from '@/view/useParam'
import { useScene, useView } from '@/view/useView'
import classes from './Explore.module.css'

/** Rows that are fetched, and how many of them are shown at first. */
const ROWS_MAX = 1_000
const SHOWN_FIRST = 50

/** Measures that stand beside the one that was asked for. */
const BESIDE: Measure[] = ['spend', 'requests', 'tokens', 'errors', 'latency_p95_ms']

const SHORT_LABELS: Partial<Record<Measure, string>> = { latency_p95_ms: 'p95 latency' }

/** Every group with its readings. A row narrows the page to itself. */
export function PivotPanel() {
  const [view, changeView] = useView()
  const { range, tz, now, currency } = useScene()
  const { measure, by } = view
  const measures = [measure, ...BESIDE.filter((beside) => beside !== measure)]
  const asked = [...new Set<Measure>([...measures, 'unpriced'])]
  const [sortAsked, askSort] = useParam('sort')
  const sort = useMemo(() => readSort(sortAsked), [sortAsked])
  const [shown, setShown] = useState(SHOWN_FIRST)
  const ask = { tz, filters: view.filters, by }
  const isGrouped = by.length > 0
  const current = useUsage(
    'breakdown',
    { ...ask, range, measures: asked, top: ROWS_MAX },
    { enabled: isGrouped },
  )
  const before = useUsage(
    'breakdown',
    { ...ask, range: previousUpToNow(view.period, now, tz), measures: [measure], top: ROWS_MAX },
    { enabled: view.compare && isGrouped },
  )
  const rows = useMemo(() => sorted(current.data?.rows ?? [], sort), [current.data, sort])
  const slots = useMemo(
    () => assignSlots(by.join(), (current.data?.rows ?? []).slice(0, SERIES_MAX).map(groupKey)),
    [by, current.data],
  )
  const base = useMemo(
    () => new Map((before.data?.rows ?? []).map((row) => [groupKey(row), row.readings[measure]])),
    [before.data, measure],
  )
  const precision = precisionOfReadings(rows.map((row) => row.readings.spend))
  const total = current.data?.total[measure]

  const drill = (row: UsageRow) => {
    if (row.isOther) return
    const filters = by.reduce(
      (all, attribute, at) => withOnly(all, attribute, row.names[at] ?? ''),
      view.filters,
    )
    changeView({ filters })
  }
  const sortBy = (next: Measure) =>
    askSort(sort?.measure === next && sort.down ? `-${next}` : next, { replace: true })

  if (!isGrouped) return null
  return (
    <Panel
      title="Breakdown"
      note={current.data && plural(rows.length, 'row')}
      flush
      actions={
        current.data && (
          <CsvLink
            name={csvName([measure, 'by', ...by], range, tz)}
            label="Save the breakdown as CSV"
            href={csvHref('breakdown', current.data.question)}
          />
        )
      }
    >
      {current.isError && !current.data ? (
        <Failure what="The breakdown" error={current.error} retry={current.refetch} />
      ) : !current.data ? (
        <TableSkeleton rows={8} label="The breakdown is loading" />
      ) : rows.length === 0 ? (
        <Empty title="Nothing to break down" />
      ) : (
        <>
          <table className={table.table} onKeyDown={moveWithArrows}>
            <thead>
              <tr>
                {by.map((attribute) => (
                  <th key={attribute} scope="col">
                    {attributeLabel(attribute)}
                  </th>
                ))}
                {isAdditive(measure) && (
                  <th scope="col" className={classes.barCell}>
                    Share
                  </th>
                )}
                {measures.map((one) => (
                  <SortHead
                    key={one}
                    measure={one}
                    sort={sort}
                    onSort={sortBy}
                    wide={one !== measure}
                  />
                ))}
                {view.compare && (
                  <th scope="col" className={table.right}>
                    Change
                  </th>
                )}
              </tr>
            </thead>
            <tbody>
              {rows.slice(0, shown).map((row) => {
                const key = groupKey(row)
                const reading = row.readings[measure]
                const share = shareOf(reading, total)
                return (
                  <tr
                    key={key}
                    className={row.isOther ? undefined : table.opens}
                    onClick={() => drill(row)}
                  >
                    {row.isOther ? (
                      <th scope="row" colSpan={by.length}>
                        Other
                      </th>
                    ) : (
                      row.names.map((name, at) => (
                        <td key={by[at]} className={classes.name}>
                          {at === 0 ? (
                            <button
                              type="button"
                              data-row
                              aria-label={`${name || 'not set'}, show only this`}
                              className={table.rowButton}
                              onClick={(event) => {
                                event.stopPropagation()
                                drill(row)
                              }}
                            >
                              {name || <span className="muted">not set</span>}
                            </button>
                          ) : (
                            name || <span className="muted">not set</span>
                          )}
                        </td>
                      ))
                    )}
                    {isAdditive(measure) && (
                      <td
                        className={classes.barCell}
                        title={share === null ? undefined : `${formatShare(share)} of the total`}
                      >
                        <span className="visually-hidden">
                          {share === null ? '–' : formatShare(share)}
                        </span>
                        <span className={classes.track} aria-hidden="true">
                          <span
                            className={classes.bar}
                            style={{
                              width: `${Math.min(100, Math.max(0, (share ?? 0) / 10))}%`,
                              background: slotVariable(slots.get(key) ?? null),
                            }}
                          />
                        </span>
                      </td>
                    )}
                    {measures.map((one) => (
                      <td
                        key={one}
                        className={`${table.right} ${one === measure ? '' : classes.wide}`}
                      >
                        {one === 'spend' ? (
                          <Spend
                            spend={row.readings.spend}
                            unpriced={row.readings.unpriced}
                            currency={currency}
                            precision={precision}
                          />
                        ) : (
                          <Figure measure={one} value={row.readings[one]} currency={currency} />
                        )}
                      </td>
                    ))}
                    {view.compare && (
                      <td className={table.right}>
                        {row.isOther || !before.data ? (
                          <span className="muted">–</span>
                        ) : (
                          <Change
                            short
                            measure={measure}
                            now={reading}
                            base={base.get(key)}
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
          {rows.length > shown && (
            <div className={classes.more}>
              <Button size="xs" variant="default" onClick={() => setShown(shown + 200)}>
                Show more of {plural(rows.length, 'row')}
              </Button>
            </div>
          )}
        </>
      )}
    </Panel>
  )
}

interface SortHeadProps {
  measure: Measure
  sort: Sort | null
  onSort: (measure: Measure) => void
  wide: boolean
}

function SortHead({ measure, sort, onSort, wide }: SortHeadProps) {
  const isSorted = sort?.measure === measure
  const order = isSorted ? (sort.down ? 'descending' : 'ascending') : undefined
  return (
    <th scope="col" className={`${table.right} ${wide ? classes.wide : ''}`} aria-sort={order}>
      <button type="button" className={table.sort} onClick={() => onSort(measure)}>
        {SHORT_LABELS[measure] ?? MEASURES[measure].label}
        {isSorted && (sort.down ? <IconArrowDown size={13} /> : <IconArrowUp size={13} />)}
      </button>
    </th>
  )
}

interface Sort {
  measure: Measure
  down: boolean
}

/** `requests` is the most first, `-requests` the fewest. */
function readSort(text: string | null): Sort | null {
  const measure = text?.replace(/^-/, '') ?? ''
  return isMeasure(measure) ? { measure, down: !text?.startsWith('-') } : null
}

/** "Other" stays last, whatever the order. */
function sorted(rows: UsageRow[], sort: Sort | null): UsageRow[] {
  if (!sort) return rows
  const value = (row: UsageRow) => Number(row.readings[sort.measure] ?? Number.NEGATIVE_INFINITY)
  return rows.toSorted(
    (a, b) =>
      Number(a.isOther) - Number(b.isOther) ||
      (sort.down ? value(b) - value(a) : value(a) - value(b)),
  )
}
