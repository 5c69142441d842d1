import {
  Button,
  Drawer,
  Input,
  NumberInput,
  SegmentedControl,
  Select,
  TextInput,
} from '@mantine/core'
import { type FormEvent, useState } from 'react'
import {
  type AlertRule,
  type AlertSeverity,
  type Condition,
  type SpikeSeverity,
  useRemoveRule,
  useSaveRule,
} from '@/api/alerts'
import { ApiError } from '@/api/client'
import { useSession } from '@/api/session'
import {
  CONDITIONS,
  EMPTY_RULE,
  hasScope,
  type RuleForm,
  ruleDraftOf,
  ruleFormOf,
  SEVERITY_WORDS,
  SPIKES,
} from '@/lib/alerts'
import { MEASURES, type Measure } from '@/lib/measures'
import { Removal } from '@/ui/Removal'
import { messageOf, sentence } from '@/ui/States'
import { FilterEditor } from '../frame/FilterBar'
import classes from './Alerts.module.css'

interface RuleDrawerProps {
  opened: boolean
  /** The rule that is changed; `null` for a new one. */
  rule: AlertRule | null
  close: () => void
}

export function RuleDrawer({ opened, rule, close }: RuleDrawerProps) {
  return (
    <Drawer
      opened={opened}
      onClose={close}
      position="right"
      size={460}
      title={rule ? 'Edit the rule' : 'New rule'}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {opened && <RuleFields rule={rule} close={close} />}
    </Drawer>
  )
}

const FIELDS = ['name', 'condition.hours', 'condition.limit', 'condition.measure']

const options = <Value extends string>(words: Record<Value, string>) =>
  (Object.entries(words) as [Value, string][]).map(([value, label]) => ({ value, label }))

function RuleFields({ rule, close }: Omit<RuleDrawerProps, 'opened'>) {
  const { currency } = useSession()
  const save = useSaveRule()
  const remove = useRemoveRule()
  const [form, setForm] = useState<RuleForm>(() => (rule ? ruleFormOf(rule) : EMPTY_RULE))
  const [refusal, setRefusal] = useState<{ field: string; words: string } | null>(null)
  const change = (changed: Partial<RuleForm>) => setForm((was) => ({ ...was, ...changed }))
  const failure = refusal ?? failureOf(save.error)
  const at = (field: string) => (failure?.field === field ? failure.words : undefined)
  const { kind } = form
  const isMoney = MEASURES[form.measure]?.kind === 'amount'

  const submit = (event: FormEvent) => {
    event.preventDefault()
    const draft = ruleDraftOf(form)
    setRefusal('words' in draft ? draft : null)
    if (!('words' in draft)) save.mutate({ id: rule?.id ?? null, draft }, { onSuccess: close })
  }
  return (
    <>
      <form className={classes.form} onSubmit={submit} noValidate>
        <TextInput
          label="Name"
          data-autofocus
          autoComplete="off"
          value={form.name}
          error={at('name')}
          onChange={(event) => change({ name: event.currentTarget.value })}
        />
        <Select
          label="Tell when"
          allowDeselect={false}
          data={options(CONDITIONS)}
          value={kind}
          onChange={(value) => value && change({ kind: value as Condition['kind'] })}
        />
        {kind === 'above' && (
          <Select
            label="Measure"
            searchable
            allowDeselect={false}
            data={Object.entries(MEASURES).map(([value, { label }]) => ({ value, label }))}
            value={form.measure}
            error={at('condition.measure')}
            onChange={(value) => value && change({ measure: value as Measure })}
          />
        )}
        {(kind === 'above' || kind === 'silence') && (
          <div className={classes.pair}>
            <NumberInput
              label={kind === 'above' ? 'In how many hours' : 'For how many hours'}
              min={1}
              max={744}
              allowDecimal={false}
              value={form.hours}
              error={at('condition.hours')}
              onChange={(hours) => change({ hours: Number(hours) || 0 })}
            />
            {kind === 'above' && (
              <TextInput
                label={isMoney ? `From, in ${currency}` : 'From'}
                inputMode="decimal"
                autoComplete="off"
                value={form.limit}
                error={at('condition.limit')}
                onChange={(event) => change({ limit: event.currentTarget.value })}
              />
            )}
          </div>
        )}
        {kind === 'anomaly' && (
          <Select
            label="How far from it at least"
            allowDeselect={false}
            data={options(SPIKES)}
            value={form.spike}
            onChange={(value) => value && change({ spike: value as SpikeSeverity })}
          />
        )}
        {hasScope(kind) && (
          <fieldset className={classes.group}>
            <legend>Of which usage</legend>
            {form.filters.length === 0 && (
              <Input.Description>All of it, until a filter is picked.</Input.Description>
            )}
            <FilterEditor filters={form.filters} onChange={(filters) => change({ filters })} />
          </fieldset>
        )}
        <fieldset className={classes.group}>
          <legend>How much it matters</legend>
          <SegmentedControl
            size="xs"
            aria-label="How much it matters"
            data={options(SEVERITY_WORDS)}
            value={form.severity}
            onChange={(value) => change({ severity: value as AlertSeverity })}
          />
        </fieldset>
        {failure && !FIELDS.includes(failure.field) && (
          <p className="bad" role="alert">
            {failure.words}
          </p>
        )}
        <Button type="submit" loading={save.isPending}>
          {rule ? 'Save the rule' : 'Make the rule'}
        </Button>
      </form>
      {rule && (
        <Removal
          what="rule"
          name={rule.name}
          consequence="Its open alerts resolve."
          error={remove.error}
          isPending={remove.isPending}
          remove={() => remove.mutate(rule.id, { onSuccess: close })}
        />
      )}
    </>
  )
}

function failureOf(error: Error | null): { field: string; words: string } | null {
  if (!error) return null
  const field = error instanceof ApiError ? (error.field ?? '') : ''
  return { field, words: sentence(messageOf(error)) }
}
