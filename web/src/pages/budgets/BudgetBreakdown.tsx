import { useMemo } from 'react'
import type { Budget } from '@/api/budgets'
import { useUsage } from '@/api/usage'
import { assignSlots } from '@/lib/colour'
import { type Attribute, attributeLabel, isAttribute, readScope } from '@/lib/filters'
import type { Measure } from '@/lib/measures'
import { groupKey, SERIES_MAX } from '@/lib/series'
import { Loaded } from '@/ui/Loaded'
import { Panel } from '@/ui/Panel'
import { Empty } from '@/ui/States'
import { useParam } from '@/view/useParam'
import { useScene } from '@/view/useView'
import { AttributeSelect } from '@/widgets/AttributeSelect'
import { DataTable } from '@/widgets/DataTable'
import { useUsageColumns } from '@/widgets/useUsageColumns'

const MEASURES: Measure[] = ['spend', 'requests', 'tokens']
const ASKED: Measure[] = [...MEASURES, 'unpriced']
const ROWS_MAX = 200

/** What spends a budget in its present window. */
export function BudgetBreakdown({ budget }: { budget: Budget }) {
  const { currency } = useScene()
  const [asked, ask] = useParam('by')
  const attribute: Attribute = asked && isAttribute(asked) ? asked : 'model'
  const by = useMemo(() => [attribute], [attribute])
  const { status, scope, tz } = budget
  const usage = useUsage('breakdown', {
    range: { from: new Date(status.from), to: new Date(status.to) },
    tz,
    by,
    filters: readScope(scope),
    measures: ASKED,
    top: ROWS_MAX,
  })
  const rows = useMemo(() => usage.data?.rows ?? [], [usage.data])
  const slots = useMemo(
    () => assignSlots(attribute, rows.slice(0, SERIES_MAX).map(groupKey)),
    [attribute, rows],
  )
  const total = usage.data?.total
  const columns = useUsageColumns({ by, rows, total, measures: MEASURES, slots, currency })
  return (
    <Panel
      title={`What spends it, by ${attributeLabel(attribute).toLowerCase()}`}
      flush
      actions={
        <AttributeSelect
          label="Break down by"
          hidesLabel
          size="xs"
          value={attribute}
          onChange={(next) => ask(next, { replace: true })}
        />
      }
    >
      <Loaded
        query={usage}
        what="The breakdown"
        rows={6}
        isEmpty={() => rows.length === 0}
        empty={<Empty title="Nothing was spent of it yet" />}
      >
        {() => (
          <DataTable
            label="What spends the budget"
            rows={rows}
            columns={columns}
            rowKey={groupKey}
            isLast={({ isOther }) => isOther}
          />
        )}
      </Loaded>
    </Panel>
  )
}
