import { ActionIcon, Button, Select, TextInput } from '@mantine/core'
import { IconPlus, IconX } from '@tabler/icons-react'
import type { BudgetPeriod } from '@/api/budgets'
import { type BudgetForm, PERIODS, type ThresholdField } from '@/lib/budgets'
import { Group, Pair } from '@/ui/DrawerForm'
import { NumberField } from '@/ui/NumberField'
import classes from './Budgets.module.css'

/** Thresholds of one budget, at most. */
const THRESHOLDS_MAX = 20

interface PeriodFieldsProps {
  form: BudgetForm
  change: (changed: Partial<BudgetForm>) => void
  at: (field: string) => string | undefined
}

export function PeriodFields({ form, change, at }: PeriodFieldsProps) {
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

export function Thresholds({ thresholds, onChange, error }: ThresholdsProps) {
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
