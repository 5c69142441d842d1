import { Checkbox, SegmentedControl, Select, TextInput } from '@mantine/core'
import { useState } from 'react'
import { type AnyBudget, type Enforcement, useRemoveBudget, useSaveBudget } from '@/api/budgets'
import { useSession } from '@/api/session'
import { type BudgetForm, canCarryOver, draftOf, emptyForm, formOf } from '@/lib/budgets'
import { dayOf } from '@/lib/time'
import { budgetOfView, leftByBudget } from '@/lib/watch'
import { DrawerForm, FormDrawer, Group, LeftOut, useRefusal } from '@/ui/DrawerForm'
import { NumberField } from '@/ui/NumberField'
import { useNow } from '@/ui/useNow'
import { useParam } from '@/view/useParam'
import { useView } from '@/view/useView'
import { FilterEditor } from '@/widgets/FilterBar'
import { PeriodFields, Thresholds } from './BudgetParts'

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

function BudgetFields({ budget, close }: Omit<BudgetDrawerProps, 'opened'>) {
  const { time_zone, currency } = useSession()
  const now = useNow()
  const [view] = useView()
  const [ofView] = useParam('of')
  const save = useSaveBudget(budget?.id ?? null)
  const remove = useRemoveBudget()
  const [form, setForm] = useState<BudgetForm>(() => {
    const tz = budget?.tz ?? (time_zone || 'UTC')
    // A new one is about what the pages are narrowed to.
    return budget
      ? formOf(budget, dayOf(now, tz))
      : {
          ...emptyForm(tz, dayOf(now, tz)),
          filters: view.filters,
          ...(ofView === null ? {} : budgetOfView(view, ofView)),
        }
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
      {budget === null && ofView !== null && <LeftOut words={leftByBudget(view)} />}
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
