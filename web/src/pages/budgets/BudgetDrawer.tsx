import { ActionIcon, Button, Checkbox, SegmentedControl, Select, TextInput } from '@mantine/core'
import { IconPlus, IconX } from '@tabler/icons-react'
import { useState } from 'react'
import {
  type AnyBudget,
  type BudgetPeriod,
  type Enforcement,
  useRemoveBudget,
  useSaveBudget,
} from '@/api/budgets'
import { useSession } from '@/api/session'
import {
  type BudgetForm,
  canCarryOver,
  draftOf,
  emptyForm,
  formOf,
  PERIODS,
  type ThresholdField,
} from '@/lib/budgets'
import { dayOf } from '@/lib/time'
import { DrawerForm, FormDrawer, Group, Pair, useRefusal } from '@/ui/DrawerForm'
import { NumberField } from '@/ui/NumberField'
import { useNow } from '@/ui/useNow'
import { FilterEditor } from '../frame/FilterBar'
import classes from './Budgets.module.css'

interface BudgetDrawerProps {
  opened: boolean
  /** The budget that is changed; `null` for a new one. */
  budget: AnyBudget | null
  close: () => void
}

export function BudgetDrawer({ opened, budget, close }: BudgetDrawerProps) {
  return (
    <FormDrawer what="budget" isNew={budget === null} opened={opened} close={close}>
      {() => <BudgetFields budget={budget} close={close} />}
    </FormDrawer>
  )
}

const FIELDS = [
  'name',
  'amount',
  'period.days',
  'period.first',
  'period.last',
  'tz',
  'scope',
  'thresholds',
  'carries_over',
]
const THRESHOLDS_MAX = 20

function BudgetFields({ budget, close }: Omit<BudgetDrawerProps, 'opened'>) {
  const { time_zone, currency } = useSession()
  const now = useNow()
  const save = useSaveBudget(budget?.id ?? null)
  const remove = useRemoveBudget()
  const [form, setForm] = useState<BudgetForm>(() => {
    const tz = budget?.tz ?? (time_zone || 'UTC')
    return budget ? formOf(budget, dayOf(now, tz)) : emptyForm(tz, dayOf(now, tz))
  })
  const change = (changed: Partial<BudgetForm>) => setForm((was) => ({ ...was, ...changed }))
  const { refusal, at, taken } = useRefusal(save.error)

  const submit = () => {
    const draft = taken(draftOf(form))
    if (draft) save.mutate(draft, { onSuccess: close })
  }
  return (
    <DrawerForm
      what="budget"
      isNew={budget === null}
      written={form}
      refusal={refusal}
      fields={FIELDS}
      isPending={save.isPending}
      submit={submit}
      removal={
        budget && {
          name: budget.name,
          consequence: 'The usage stays; its thresholds are no longer watched.',
          error: remove.error,
          isPending: remove.isPending,
          remove: () => remove.mutate(budget.id, { onSuccess: close }),
        }
      }
    >
      <TextInput
        label="Name"
        data-autofocus
        autoComplete="off"
        value={form.name}
        error={at('name')}
        onChange={(event) => change({ name: event.currentTarget.value })}
      />
      <NumberField
        label={`Amount in ${currency}`}
        value={form.amount}
        error={at('amount')}
        onChange={(amount) => change({ amount })}
      />
      <PeriodFields form={form} change={change} at={at} />
      <Select
        label="Time zone"
        description="Whose midnight a day begins at."
        searchable
        allowDeselect={false}
        limit={80}
        value={form.tz}
        data={[
          ...new Set([form.tz, time_zone || 'UTC', 'UTC', ...Intl.supportedValuesOf('timeZone')]),
        ]}
        error={at('tz')}
        onChange={(tz) => tz && change({ tz })}
      />
      <Group
        label="What counts"
        error={at('scope')}
        description={form.filters.length === 0 && 'Everything, until a filter is picked.'}
      >
        <FilterEditor filters={form.filters} onChange={(filters) => change({ filters })} />
      </Group>
      <Group
        label="When it is spent"
        description={
          form.enforcement === 'soft'
            ? 'People are told; nothing is stopped.'
            : 'Whoever asks before they spend is refused, too.'
        }
      >
        <SegmentedControl
          size="xs"
          aria-label="When it is spent"
          data={[
            { value: 'soft', label: 'Soft: tell' },
            { value: 'hard', label: 'Hard: refuse' },
          ]}
          value={form.enforcement}
          onChange={(value) => change({ enforcement: value as Enforcement })}
        />
      </Group>
      <Thresholds
        thresholds={form.thresholds}
        onChange={(thresholds) => change({ thresholds })}
        error={at('thresholds')}
      />
      <Checkbox
        label="Carry over what was left of the window before"
        checked={form.carriesOver && canCarryOver(form.every)}
        disabled={!canCarryOver(form.every)}
        error={at('carries_over')}
        onChange={(event) => change({ carriesOver: event.currentTarget.checked })}
      />
    </DrawerForm>
  )
}

interface PeriodFieldsProps {
  form: BudgetForm
  change: (changed: Partial<BudgetForm>) => void
  at: (field: string) => string | undefined
}

function PeriodFields({ form, change, at }: PeriodFieldsProps) {
  return (
    <>
      <Select
        label="Period"
        allowDeselect={false}
        value={form.every}
        data={Object.entries(PERIODS).map(([value, label]) => ({ value, label }))}
        onChange={(every) => every && change({ every: every as BudgetPeriod['every'] })}
      />
      {form.every === 'rolling' && (
        <NumberField
          label="Days"
          isWhole
          value={form.days}
          error={at('period.days')}
          onChange={(days) => change({ days })}
        />
      )}
      {form.every === 'once' && (
        <Pair>
          <TextInput
            type="date"
            label="First day"
            value={form.first}
            error={at('period.first')}
            onChange={(event) => change({ first: event.currentTarget.value })}
          />
          <TextInput
            type="date"
            label="Last day"
            value={form.last}
            error={at('period.last')}
            onChange={(event) => change({ last: event.currentTarget.value })}
          />
        </Pair>
      )}
    </>
  )
}

interface ThresholdsProps {
  thresholds: ThresholdField[]
  onChange: (thresholds: ThresholdField[]) => void
  error: string | undefined
}

function Thresholds({ thresholds, onChange, error }: ThresholdsProps) {
  const change = (at: number, changed: Partial<ThresholdField>) =>
    onChange(thresholds.map((one, place) => (place === at ? { ...one, ...changed } : one)))
  return (
    <Group label="Tell people at" error={error}>
      {thresholds.map((one, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a threshold is its place while it is written
        <div key={at} className={classes.threshold}>
          <NumberField
            size="sm"
            w={92}
            aria-label={`Percent of threshold ${at + 1}`}
            isWhole
            rightSection={<span className="muted">%</span>}
            rightSectionPointerEvents="none"
            value={one.percent}
            onChange={(percent) => change(at, { percent })}
          />
          <Select
            size="sm"
            aria-label={`What threshold ${at + 1} is of`}
            allowDeselect={false}
            data={[
              { value: 'actual', label: 'of what is spent' },
              { value: 'forecast', label: 'of the forecast' },
            ]}
            value={one.basis}
            onChange={(basis) => basis && change(at, { basis: basis as ThresholdField['basis'] })}
          />
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={`Remove threshold ${at + 1}`}
            onClick={() => onChange(thresholds.toSpliced(at, 1))}
          >
            <IconX size={15} aria-hidden="true" />
          </ActionIcon>
        </div>
      ))}
      {thresholds.length < THRESHOLDS_MAX && (
        <div>
          <Button
            size="compact-sm"
            variant="subtle"
            leftSection={<IconPlus size={14} aria-hidden="true" />}
            onClick={() => onChange([...thresholds, { percent: '90', basis: 'actual' }])}
          >
            Add a threshold
          </Button>
        </div>
      )}
    </Group>
  )
}
