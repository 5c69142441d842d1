import { SegmentedControl, Select, TextInput } from '@mantine/core'
import { useState } from 'react'
import {
  type AlertRule,
  type AlertSeverity,
  type Condition,
  type SpikeSeverity,
  useRemoveRule,
  useSaveRule,
} from '@/api/alerts'
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
import { leftByRule } from '@/lib/watch'
import { DrawerForm, FormDrawer, Group, LeftOut, Pair, useRefusal } from '@/ui/DrawerForm'
import { NumberField } from '@/ui/NumberField'
import { useParam } from '@/view/useParam'
import { useView } from '@/view/useView'
import { FilterEditor } from '@/widgets/FilterBar'

interface RuleDrawerProps {
  opened: boolean
  /** The rule that is changed; `null` for a new one. */
  rule: AlertRule | null
  close: () => void
}

export function RuleDrawer({ opened, rule, close }: RuleDrawerProps) {
  return (
    <FormDrawer what="rule" isNew={rule === null} opened={opened} close={close}>
      {() => <RuleFields rule={rule} close={close} />}
    </FormDrawer>
  )
}

const FIELDS = ['name', 'condition.hours', 'condition.limit', 'condition.measure']

const options = <Value extends string>(words: Record<Value, string>) =>
  (Object.entries(words) as [Value, string][]).map(([value, label]) => ({ value, label }))

function RuleFields({ rule, close }: Omit<RuleDrawerProps, 'opened'>) {
  const { currency } = useSession()
  const [view] = useView()
  const [ofView] = useParam('of')
  const save = useSaveRule()
  const remove = useRemoveRule()
  const [form, setForm] = useState<RuleForm>(() =>
    rule
      ? ruleFormOf(rule)
      : {
          ...EMPTY_RULE,
          filters: view.filters,
          ...(ofView === null ? {} : { name: ofView, measure: view.measure }),
        },
  )
  const change = (changed: Partial<RuleForm>) => setForm((was) => ({ ...was, ...changed }))
  const { refusal, at, taken } = useRefusal(save.error)
  const { kind } = form
  const isMoney = MEASURES[form.measure]?.kind === 'amount'

  const submit = () => {
    const draft = taken(ruleDraftOf(form))
    if (draft) save.mutate({ id: rule?.id ?? null, draft }, { onSuccess: close })
  }
  return (
    <DrawerForm
      what="rule"
      isNew={rule === null}
      written={form}
      refusal={refusal}
      fields={FIELDS}
      isPending={save.isPending}
      submit={submit}
      removal={
        rule && {
          name: rule.name,
          consequence: 'Its open alerts resolve.',
          error: remove.error,
          isPending: remove.isPending,
          remove: () => remove.mutate(rule.id, { onSuccess: close }),
        }
      }
    >
      {rule === null && ofView !== null && <LeftOut words={leftByRule(view)} />}
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
        <Pair>
          <NumberField
            label={kind === 'above' ? 'In how many hours' : 'For how many hours'}
            isWhole
            value={form.hours}
            error={at('condition.hours')}
            onChange={(hours) => change({ hours })}
          />
          {kind === 'above' && (
            <NumberField
              label={isMoney ? `From, in ${currency}` : 'From'}
              value={form.limit}
              error={at('condition.limit')}
              onChange={(limit) => change({ limit })}
            />
          )}
        </Pair>
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
        <Group
          label="Of which usage"
          description={form.filters.length === 0 && 'All of it, until a filter is picked.'}
        >
          <FilterEditor filters={form.filters} onChange={(filters) => change({ filters })} />
        </Group>
      )}
      <Group label="How much it matters">
        <SegmentedControl
          size="xs"
          aria-label="How much it matters"
          data={options(SEVERITY_WORDS)}
          value={form.severity}
          onChange={(value) => change({ severity: value as AlertSeverity })}
        />
      </Group>
    </DrawerForm>
  )
}
