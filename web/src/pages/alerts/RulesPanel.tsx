import { Button, Checkbox } from '@mantine/core'
import { type AlertRule, useAlertRules, useSaveRule } from '@/api/alerts'
import { useSession } from '@/api/session'
import { conditionWords } from '@/lib/alerts'
import { EditButton } from '@/ui/EditButton'
import { Panel } from '@/ui/Panel'
import { Empty, Failure, messageOf, sentence, TableSkeleton } from '@/ui/States'
import { useParam } from '@/view/useParam'
import { SeverityWord } from './Alerts'
import classes from './Alerts.module.css'
import { RuleDrawer } from './RuleDrawer'

/** The URL's word for a rule that does not exist yet. */
const NEW = 'new'

/** What is watched; admins say so. */
export function RulesPanel() {
  const { role } = useSession()
  const rules = useAlertRules()
  const save = useSaveRule()
  const [edited, edit] = useParam('rule')
  const isAdmin = role === 'admin'
  return (
    <Panel
      title="Rules"
      note="What opens an alert, judged whenever usage comes in"
      flush
      actions={
        isAdmin && (
          <Button size="xs" onClick={() => edit(NEW)}>
            New rule
          </Button>
        )
      }
    >
      {save.isError && (
        <p role="alert" className={`bad ${classes.error}`}>
          {sentence(messageOf(save.error))}
        </p>
      )}
      {rules.isError && !rules.data ? (
        <Failure what="The rules" error={rules.error} retry={rules.refetch} />
      ) : !rules.data ? (
        <TableSkeleton rows={5} label="The rules are loading" />
      ) : rules.data.length === 0 ? (
        <Empty title="Nothing is watched">
          {isAdmin && (
            <Button size="xs" onClick={() => edit(NEW)}>
              Make the first rule
            </Button>
          )}
        </Empty>
      ) : (
        <ul className={classes.list} aria-label="Rules">
          {rules.data.map((rule) => (
            <RuleRow
              key={rule.id}
              rule={rule}
              isBusy={save.isPending && save.variables.id === rule.id}
              toggle={
                isAdmin ? () => save.mutate({ id: rule.id, draft: toggled(rule) }) : undefined
              }
              edit={() => edit(rule.id)}
            />
          ))}
        </ul>
      )}
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

interface RuleRowProps {
  rule: AlertRule
  isBusy: boolean
  /** Only for those who may. */
  toggle?: () => void
  edit: () => void
}

function RuleRow({ rule, isBusy, toggle, edit }: RuleRowProps) {
  const { currency } = useSession()
  return (
    <li className={classes.rule} data-off={!rule.enabled || undefined}>
      <Checkbox
        size="sm"
        aria-label={`Watch ${rule.name}`}
        checked={rule.enabled}
        disabled={!toggle || isBusy}
        onChange={toggle ?? (() => undefined)}
      />
      <div className={classes.words}>
        <p className={classes.title}>
          {rule.name} {!rule.enabled && <span className="muted small">off</span>}
        </p>
        <p className={classes.detail}>{conditionWords(rule.condition, currency)}</p>
      </div>
      <SeverityWord severity={rule.severity} />
      {toggle && <EditButton name={rule.name} edit={edit} />}
    </li>
  )
}
