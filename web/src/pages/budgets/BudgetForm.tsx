import { Button, Checkbox, Select, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { type BudgetDraft, type Period, useCreateBudget } from '@/api/budgets'
import { ApiError } from '@/api/client'
import { useSession } from '@/api/session'
import type { Attribute } from '@/lib/filters'
import { messageOf, sentence } from '@/ui/States'
import { AttributeSelect } from '../frame/AttributeSelect'
import classes from './Budgets.module.css'

const PERIODS = [
  { value: 'day', label: 'Each day' },
  { value: 'week', label: 'Each week' },
  { value: 'month', label: 'Each month' },
  { value: 'quarter', label: 'Each quarter' },
  { value: 'year', label: 'Each year' },
]

/** Asks for a budget; what the server refuses stands at its field. */
export function BudgetForm({ close }: { close: () => void }) {
  const { time_zone } = useSession()
  const create = useCreateBudget()
  const [name, setName] = useState('')
  const [amount, setAmount] = useState('')
  const [every, setEvery] = useState<string | null>('month')
  const [attribute, setAttribute] = useState<Attribute>('provider')
  const [values, setValues] = useState('')
  const [isHard, setHard] = useState(false)
  const [carriesOver, setCarriesOver] = useState(false)

  const submit = (event: FormEvent) => {
    event.preventDefault()
    const listed = values
      .split(',')
      .map((value) => value.trim())
      .filter((value) => value !== '')
    const draft: BudgetDraft = {
      name,
      amount: amount.trim(),
      period: { every: (every ?? 'month') as Period['every'] },
      tz: time_zone || 'UTC',
      scope: listed.length > 0 ? { [attribute]: listed } : {},
      enforcement: isHard ? 'hard' : 'soft',
      carries_over: carriesOver,
    }
    create.mutate(draft, { onSuccess: close })
  }
  const wrong = (field: string) =>
    create.error instanceof ApiError && create.error.field === field
      ? sentence(create.error.message)
      : undefined
  const isElsewhere = create.isError && !['name', 'amount', 'scope'].some((field) => wrong(field))
  return (
    <form className={classes.form} onSubmit={submit}>
      <TextInput
        label="Name"
        required
        data-autofocus
        value={name}
        error={wrong('name')}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <TextInput
        label="Amount, $"
        required
        inputMode="decimal"
        placeholder="250"
        value={amount}
        error={wrong('amount')}
        onChange={(event) => setAmount(event.currentTarget.value)}
      />
      <Select label="Time" data={PERIODS} value={every} allowDeselect={false} onChange={setEvery} />
      <AttributeSelect label="Only usage by" value={attribute} onChange={setAttribute} />
      <TextInput
        label="which is"
        description="Values with commas between them; nothing for all usage"
        placeholder="openai, anthropic"
        value={values}
        error={wrong('scope')}
        onChange={(event) => setValues(event.currentTarget.value)}
      />
      <Checkbox
        label="Hard: refuse whoever asks before they spend"
        checked={isHard}
        onChange={(event) => setHard(event.currentTarget.checked)}
      />
      <Checkbox
        label="What is left may be spent in the next time"
        checked={carriesOver}
        onChange={(event) => setCarriesOver(event.currentTarget.checked)}
      />
      {isElsewhere && <p role="alert">{sentence(messageOf(create.error))}</p>}
      <Button type="submit" loading={create.isPending}>
        Make the budget
      </Button>
    </form>
  )
}
