import { Button } from '@mantine/core'
import { useCallback } from 'react'
import { type AlertRule, useAlertRules, useSaveRule } from '@/api/alerts'
import { useSession } from '@/api/session'
import { Loaded } from '@/ui/Loaded'
import { Panel } from '@/ui/Panel'
import { Empty, messageOf, sentence } from '@/ui/States'
import { useParam } from '@/view/useParam'
import { DataTable } from '@/widgets/DataTable'
import { TableCsv } from '@/widgets/TableActions'
import classes from './Alerts.module.css'
import { RuleDrawer } from './RuleDrawer'
import { useRuleColumns } from './useRuleColumns'

/** Rows of two lines, where there are too many to draw them all. */
const ROW_HEIGHT = 54

/** The URL's word for a rule that does not exist yet. */
const NEW = 'new'

/** What is watched; admins say so. */
export function RulesPanel() {
  const { role } = useSession()
  const rules = useAlertRules()
  const save = useSaveRule()
  const [edited, edit] = useParam('rule')
  const isAdmin = role === 'admin'
  const { mutate } = save
  const toggle = useCallback(
    (rule: AlertRule) => mutate({ id: rule.id, draft: toggled(rule) }),
    [mutate],
  )
  const columns = useRuleColumns({
    busyId: save.isPending ? save.variables.id : null,
    toggle: isAdmin ? toggle : undefined,
    edit: isAdmin ? edit : undefined,
  })
  return (
    <Panel
      title="Rules"
      note="What opens an alert, judged whenever usage comes in"
      flush
      actions={
        <>
          {rules.data && rules.data.length > 0 && (
            <TableCsv
              rows={rules.data}
              columns={columns}
              name="rules."
              file="outlay-alert-rules"
              label="Save the rules as CSV"
            />
          )}
          {isAdmin && (
            <Button size="xs" onClick={() => edit(NEW)}>
              New rule
            </Button>
          )}
        </>
      }
    >
      {save.isError && (
        <p role="alert" className={`bad ${classes.error}`}>
          {sentence(messageOf(save.error))}
        </p>
      )}
      <Loaded
        query={rules}
        what="The rules"
        rows={5}
        isEmpty={(all) => all.length === 0}
        empty={
          <Empty title="Nothing is watched">
            {isAdmin && (
              <Button size="xs" onClick={() => edit(NEW)}>
                Make the first rule
              </Button>
            )}
          </Empty>
        }
      >
        {(all) => (
          <DataTable
            label="Rules"
            name="rules."
            rows={all}
            columns={columns}
            rowKey={({ id }) => id}
            rowHeight={ROW_HEIGHT}
            rowClass={({ enabled }) => (enabled ? undefined : 'muted')}
          />
        )}
      </Loaded>
      {isAdmin && rules.data && (
        <RuleDrawer
          key={edited}
          opened={edited === NEW || rules.data.some(({ id }) => id === edited)}
          rule={rules.data.find(({ id }) => id === edited) ?? null}
          close={() => edit(null)}
        />
      )}
    </Panel>
  )
}

function toggled({ id: _, ...draft }: AlertRule) {
  return { ...draft, enabled: !draft.enabled }
}
