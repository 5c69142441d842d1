import { Checkbox, SegmentedControl, Select, TextInput } from '@mantine/core'
import { useState } from 'react'
import { type ExportSchedule, useRemoveSchedule, useSaveSchedule } from '@/api/schedules'
import { useSession } from '@/api/session'
import {
  draftOf,
  EXPORTS,
  type ExportKey,
  emptyForm,
  everyOf,
  formOf,
  hourText,
  type ScheduleForm,
  WEEKDAYS,
  type Weekday,
} from '@/lib/schedules'
import { DrawerForm, FormDrawer, Group, Pair, useRefusal } from '@/ui/DrawerForm'
import { NumberField } from '@/ui/NumberField'
import { useView } from '@/view/useView'
import { FilterEditor } from '@/widgets/FilterBar'

interface ScheduleDrawerProps {
  opened: boolean
  /** The schedule that is changed; `null` for a new one. */
  schedule: ExportSchedule | null
  close: () => void
}

export function ScheduleDrawer({ opened, schedule, close }: ScheduleDrawerProps) {
  return (
    <FormDrawer what="schedule" isNew={schedule === null} opened={opened} close={close}>
      {() => <ScheduleFields schedule={schedule} close={close} />}
    </FormDrawer>
  )
}

const FIELDS = ['name', 'filters', 'cadence', 'hour', 'tz', 'keep']

function ScheduleFields({ schedule, close }: Omit<ScheduleDrawerProps, 'opened'>) {
  const { time_zone } = useSession()
  const [view] = useView()
  const save = useSaveSchedule(schedule?.id ?? null)
  const remove = useRemoveSchedule()
  const [form, setForm] = useState<ScheduleForm>(() =>
    schedule ? formOf(schedule) : emptyForm(time_zone || 'UTC', view.filters),
  )
  const change = (changed: Partial<ScheduleForm>) => setForm((was) => ({ ...was, ...changed }))
  const { refusal, at, taken } = useRefusal(save.error)
  const submit = () => {
    const draft = taken(draftOf(form))
    if (draft) save.mutate(draft, { onSuccess: close })
  }
  return (
    <DrawerForm
      what="schedule"
      isNew={schedule === null}
      written={form}
      refusal={refusal}
      fields={FIELDS}
      isPending={save.isPending}
      submit={submit}
      removal={
        schedule && {
          name: schedule.name,
          consequence: 'Its files go with it; the usage stays.',
          error: remove.error,
          isPending: remove.isPending,
          remove: () => remove.mutate(schedule.id, { onSuccess: close }),
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
      <WhatFields form={form} change={change} />
      <Group
        label="What counts"
        error={at('filters')}
        description={form.filters.length === 0 && 'Everything, until a filter is picked.'}
      >
        <FilterEditor filters={form.filters} onChange={(filters) => change({ filters })} />
      </Group>
      <WhenFields form={form} change={change} at={at} />
      <NumberField
        label="Files to keep"
        description="When one more is made, the oldest goes."
        isWhole
        value={form.keep}
        error={at('keep')}
        onChange={(keep) => change({ keep })}
      />
      <Checkbox
        label="Make files when they are due"
        description="What comes due while this is off is not made up for."
        checked={form.enabled}
        onChange={(event) => change({ enabled: event.currentTarget.checked })}
      />
    </DrawerForm>
  )
}

interface FieldsProps {
  form: ScheduleForm
  change: (changed: Partial<ScheduleForm>) => void
}

/** What is written, and of charges in which version and how finely. */
function WhatFields({ form, change }: FieldsProps) {
  return (
    <>
      <Select
        label="What is written"
        allowDeselect={false}
        value={form.written}
        data={Object.entries(EXPORTS).map(([value, label]) => ({ value, label }))}
        onChange={(written) => written && change({ written: written as ExportKey })}
      />
      {form.written.startsWith('focus') && (
        <Pair>
          <SegmentedControl
            size="xs"
            aria-label="Version of FOCUS"
            value={form.version}
            onChange={(version) => change({ version: version as ScheduleForm['version'] })}
            data={[
              { value: '1.4', label: 'FOCUS 1.4' },
              { value: '1.2', label: '1.2' },
            ]}
          />
          <SegmentedControl
            size="xs"
            aria-label="How wide the periods are"
            value={form.granularity}
            onChange={(next) => change({ granularity: next as ScheduleForm['granularity'] })}
            data={[
              { value: 'day', label: 'Daily' },
              { value: 'hour', label: 'Hourly' },
            ]}
          />
        </Pair>
      )}
    </>
  )
}

const OF_EACH = {
  day: 'Each file is of the day that ended.',
  week: 'Each file is of the week that ended, from Monday to Sunday.',
  month: 'Each file is of the month that ended.',
}

/** How often, on which day and at which hour, and whose. */
function WhenFields({
  form,
  change,
  at,
}: FieldsProps & { at: (field: string) => string | undefined }) {
  const { time_zone } = useSession()
  const every = everyOf(form)
  return (
    <>
      <Group label="How often" description={OF_EACH[every]}>
        <SegmentedControl
          size="xs"
          aria-label="How often"
          value={every}
          disabled={form.written === 'report'}
          onChange={(next) => change({ every: next as ScheduleForm['every'] })}
          data={[
            { value: 'day', label: 'Daily' },
            { value: 'week', label: 'Weekly' },
            { value: 'month', label: 'Monthly' },
          ]}
        />
      </Group>
      <Pair>
        {every === 'week' && (
          <Select
            label="On"
            allowDeselect={false}
            value={form.weekday}
            data={Object.entries(WEEKDAYS).map(([value, label]) => ({ value, label }))}
            onChange={(weekday) => weekday && change({ weekday: weekday as Weekday })}
          />
        )}
        {every === 'month' && (
          <NumberField
            label="On day"
            isWhole
            value={form.monthDay}
            error={at('cadence')}
            onChange={(monthDay) => change({ monthDay })}
          />
        )}
        <Select
          label="At"
          allowDeselect={false}
          value={String(form.hour)}
          data={HOURS}
          error={at('hour')}
          onChange={(hour) => hour && change({ hour: Number(hour) })}
        />
      </Pair>
      <Select
        label="Time zone"
        description="Whose days and hours."
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
    </>
  )
}

const HOURS = Array.from({ length: 24 }, (_, hour) => ({
  value: String(hour),
  label: hourText(hour),
}))
