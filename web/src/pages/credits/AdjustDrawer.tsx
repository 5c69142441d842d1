import { SegmentedControl, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useAdjust } from '@/api/credit'
import { formatAmountExactly, parseAmount } from '@/lib/amount'
import { type AdjustForm, adjustDraftOf } from '@/lib/credit'
import { freshId } from '@/lib/ids'
import { DrawerForm, FormDrawer, Pair, useRefusal } from '@/ui/DrawerForm'
import { NumberField } from '@/ui/NumberField'
import type { AdjustDraft } from '@/wire'

interface AdjustDrawerProps {
  account: string
  /** Those that it has credit in. */
  units: string[]
  opened: boolean
  close: () => void
}

/** A balance is put right by hand here, with a reason for the trail. */
export function AdjustDrawer({ account, units, opened, close }: AdjustDrawerProps) {
  return (
    <FormDrawer
      what="adjustment"
      isNew
      title={`Adjust the balance of ${account}`}
      opened={opened}
      close={close}
    >
      {() => <AdjustFields account={account} units={units} close={close} />}
    </FormDrawer>
  )
}

const FIELDS = ['amount', 'unit', 'reason']

function AdjustFields({ account, units, close }: Omit<AdjustDrawerProps, 'opened'>) {
  const adjust = useAdjust(account)
  const [id] = useState(freshId)
  const [form, setForm] = useState<AdjustForm>(() => ({
    way: 'add',
    amount: '',
    unit: units[0] ?? 'USD',
    reason: '',
  }))
  const [asked, ask] = useState<AdjustDraft | null>(null)
  const { refusal, at, taken } = useRefusal(adjust.error)
  const change = (changed: Partial<AdjustForm>) => setForm((was) => ({ ...was, ...changed }))
  return (
    <DrawerForm
      what="adjustment"
      isNew
      act="Adjust the balance"
      written={form}
      refusal={refusal}
      fields={FIELDS}
      isPending={adjust.isPending}
      submit={() => ask(taken(adjustDraftOf(form, id)))}
      question={
        asked && {
          ...wordsOf(asked, account),
          confirm: () => adjust.mutate(asked, { onSuccess: close, onError: () => ask(null) }),
          back: () => ask(null),
        }
      }
      removal={null}
    >
      <SegmentedControl
        aria-label="Add or take"
        data={[
          { value: 'add', label: 'Add' },
          { value: 'take', label: 'Take' },
        ]}
        value={form.way}
        onChange={(way) => change({ way: way as AdjustForm['way'] })}
      />
      <Pair>
        <NumberField
          label="Amount"
          data-autofocus
          value={form.amount}
          error={at('amount')}
          onChange={(amount) => change({ amount })}
        />
        <TextInput
          label="Unit"
          autoComplete="off"
          value={form.unit}
          error={at('unit')}
          onChange={(event) => change({ unit: event.currentTarget.value })}
        />
      </Pair>
      <TextInput
        label="Reason"
        description="It stands in the trail for good."
        autoComplete="off"
        value={form.reason}
        error={at('reason')}
        onChange={(event) => change({ reason: event.currentTarget.value })}
      />
    </DrawerForm>
  )
}

function wordsOf({ amount, unit, reason }: AdjustDraft, account: string) {
  const isTaken = amount.startsWith('-')
  const size = formatAmountExactly(parseAmount(amount.replace('-', '')), unit)
  return isTaken
    ? { words: `Take ${size} from ${account}, because: ${reason}`, yes: `Take ${size}` }
    : { words: `Add ${size} to ${account}, because: ${reason}`, yes: `Add ${size}` }
}
