import {
  ActionIcon,
  Button,
  Checkbox,
  Drawer,
  Input,
  NumberInput,
  SegmentedControl,
  Select,
  TextInput,
} from '@mantine/core'
import { IconPlus, IconX } from '@tabler/icons-react'
import { type FormEvent, type ReactNode, useState } from 'react'
import {
  type Budget,
  type BudgetPeriod,
  type Enforcement,
  type Threshold,
  useRemoveBudget,
  useSaveBudget,
} from '@/api/budgets'
import { ApiError } from '@/api/client'
import { useSession } from '@/api/session'
import {
  type BudgetForm,
  canCarryOver,
  draftOf,
  emptyForm,
  type FormError,
  formOf,
  PERIODS,
} from '@/lib/budgets'
import { dayOf } from '@/lib/time'
import { Removal } from '@/ui/Removal'
import { messageOf, sentence } from '@/ui/States'
import { useNow } from '@/ui/useNow'
import { FilterEditor } from '../frame/FilterBar'
import classes from './Budgets.module.css'

interface BudgetDrawerProps {
  opened: boolean
  /** The budget that is changed; `null` for a new one. */
  budget: Budget | null
  close: () => void
}

export function BudgetDrawer({ opened, budget, close }: BudgetDrawerProps) {
  return (
    <Drawer
      opened={opened}
      onClose={close}
      position="right"
      size={460}
      title={budget ? 'Edit the budget' : 'New budget'}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {opened && <BudgetFields budget={budget} close={close} />}
    </Drawer>
  )
}

const FIELDS = ['name', 'amount', 'period', 'tz', 'scope', 'thresholds', 'carries_over']
const THRESHOLDS_MAX = 20

function BudgetFields({ budget, close }: Omit<BudgetDrawerProps, 'opened'>) {
  const { time_zone, currency } = useSession()
  const now = useNow()
  const save = useSaveBudget(budget?.id ?? null)
  const remove = useRemoveBudget()
  const [refusal, setRefusal] = useState<FormError | null>(null)
  const [form, setForm] = useState<BudgetForm>(() => {
    const tz = budget?.tz ?? (time_zone || 'UTC')
    return budget ? formOf(budget, dayOf(now, tz)) : emptyForm(tz, dayOf(now, tz))
  })
  const change = (changed: Partial<BudgetForm>) => setForm((was) => ({ ...was, ...changed }))
  const failure = refusal ?? failureOf(save.error)
  const at = (field: string) => (failure?.field === field ? failure.words : undefined)

  const submit = (event: FormEvent) => {
    event.preventDefault()
    const draft = draftOf(form)
    setRefusal('words' in draft ? draft : null)
    if (!('words' in draft)) save.mutate(draft, { onSuccess: close })
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
        <TextInput
          label={`Amount in ${currency}`}
          inputMode="decimal"
          autoComplete="off"
          value={form.amount}
          error={at('amount')}
          onChange={(event) => change({ amount: event.currentTarget.value })}
        />
        <PeriodFields form={form} change={change} error={at('period')} />
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
        {failure && !FIELDS.includes(failure.field) && (
          <p className="bad" role="alert">
            {failure.words}
          </p>
        )}
        <Button type="submit" loading={save.isPending}>
          {budget ? 'Save the budget' : 'Make the budget'}
        </Button>
      </form>
      {budget && (
        <Removal
          what="budget"
          name={budget.name}
          consequence="The usage stays; its thresholds are no longer watched."
          error={remove.error}
          isPending={remove.isPending}
          remove={() => remove.mutate(budget.id, { onSuccess: close })}
        />
      )}
    </>
  )
}

function failureOf(error: Error | null): FormError | null {
  if (!error) return null
  const field = error instanceof ApiError ? (error.field ?? '') : ''
  return { field, words: sentence(messageOf(error)) }
}

interface PeriodFieldsProps {
  form: BudgetForm
  change: (changed: Partial<BudgetForm>) => void
  error: string | undefined
}

function PeriodFields({ form, change, error }: PeriodFieldsProps) {
  const isPlain = canCarryOver(form.every)
  return (
    <>
      <Select
        label="Period"
        allowDeselect={false}
        value={form.every}
        data={Object.entries(PERIODS).map(([value, label]) => ({ value, label }))}
        error={isPlain ? error : undefined}
        onChange={(every) => every && change({ every: every as BudgetPeriod['every'] })}
      />
      {form.every === 'rolling' && (
        <NumberInput
          label="Days"
          min={1}
          max={366}
          allowDecimal={false}
          value={form.days}
          error={error}
          onChange={(days) => change({ days: Number(days) || 0 })}
        />
      )}
      {form.every === 'once' && (
        <div className={classes.dates}>
          <TextInput
            type="date"
            label="First day"
            value={form.first}
            error={error}
            onChange={(event) => change({ first: event.currentTarget.value })}
          />
          <TextInput
            type="date"
            label="Last day"
            value={form.last}
            error={error !== undefined}
            onChange={(event) => change({ last: event.currentTarget.value })}
          />
        </div>
      )}
    </>
  )
}

interface ThresholdsProps {
  thresholds: Threshold[]
  onChange: (thresholds: Threshold[]) => void
  error: string | undefined
}

function Thresholds({ thresholds, onChange, error }: ThresholdsProps) {
  const change = (at: number, changed: Partial<Threshold>) =>
    onChange(thresholds.map((one, place) => (place === at ? { ...one, ...changed } : one)))
  return (
    <Group label="Tell people at" error={error}>
      {thresholds.map((one, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a threshold is its place while it is written
        <div key={at} className={classes.threshold}>
          <NumberInput
            size="sm"
            w={92}
            aria-label={`Percent of threshold ${at + 1}`}
            min={1}
            max={1000}
            suffix=" %"
            allowDecimal={false}
            hideControls
            value={one.percent}
            onChange={(percent) => change(at, { percent: Number(percent) || 0 })}
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
            onChange={(basis) => basis && change(at, { basis: basis as Threshold['basis'] })}
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
            onClick={() => onChange([...thresholds, { percent: 90, basis: 'actual' }])}
          >
            Add a threshold
          </Button>
        </div>
      )}
    </Group>
  )
}

interface GroupProps {
  label: string
  description?: ReactNode
  error?: string
  children: ReactNode
}

/** Controls that belong together under one name. */
function Group({ label, description, error, children }: GroupProps) {
  return (
    <fieldset className={classes.group}>
      <legend>{label}</legend>
      {description && <Input.Description>{description}</Input.Description>}
      {children}
      {error && <Input.Error role="alert">{error}</Input.Error>}
    </fieldset>
  )
}
