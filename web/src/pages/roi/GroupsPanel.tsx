import { SegmentedControl } from '@mantine/core'
import type { Roi as RoiAnswer } from '@/api/roi'
import { csvName } from '@/lib/csv'
import { type Attribute, attributeLabel } from '@/lib/filters'
import { DEFAULT_GROUP, RULES, readRule, roiGroupsCsv } from '@/lib/roi'
import { CsvLink } from '@/ui/CsvLink'
import { Panel } from '@/ui/Panel'
import { Sideways } from '@/ui/Sideways'
import { Empty, sentence, TableSkeleton } from '@/ui/States'
import { useParam } from '@/view/useParam'
import { useScene } from '@/view/useView'
import { AttributeSelect } from '@/widgets/AttributeSelect'
import { DataTable } from '@/widgets/DataTable'
import { useRoiColumns } from './useRoiColumns'

interface GroupsPanelProps {
  roi: RoiAnswer
  by: Attribute
  isStale: boolean
}

export function GroupsPanel({ roi, by, isStale }: GroupsPanelProps) {
  const [asked, ask] = useParam('rule')
  const [, group] = useParam('group')
  const { range, tz } = useScene()
  const columns = useRoiColumns(roi, by)
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
              href={() => roiGroupsCsv(roi, by)}
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
        <Sideways label="Figures, row by row">
          <DataTable
            label={`Revenue and spend by ${attributeLabel(by).toLowerCase()}`}
            rows={roi.rows}
            columns={columns}
            rowKey={({ group }) => group[by] ?? ''}
          />
        </Sideways>
      )}
    </Panel>
  )
}
