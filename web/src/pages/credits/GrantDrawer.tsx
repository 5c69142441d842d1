import { Select, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useGiveCredit } from '@/api/credit'
import { formatAmountExactly, parseAmount } from '@/lib/amount'
import {
  EMPTY_GRANT,
  GIVEN_AS,
  type GivenAs,
  type GrantForm,
  giveWords,
  grantDraftOf,
} from '@/lib/credit'
import { freshId } from '@/lib/ids'
import { DrawerForm, FormDrawer, Pair, useRefusal } from '@/ui/DrawerForm'
import { NumberField } from '@/ui/NumberField'
import { useScene } from '@/view/useView'
import type { GrantDraft } from '@/wire'

interface GrantDrawerProps {
  account: string
  opened: boolean
  close: () => void
}

/** Credit is given here: asked once more, and given once however often it is sent. */
export function GrantDrawer({ account, opened, close }: GrantDrawerProps) {
  return (
    <FormDrawer
      what="grant"
      isNew
      title={`Give credit to ${account}`}
      opened={opened}
      close={close}
    >
      {() => <GrantFields account={account} close={close} />}
    </FormDrawer>
  )
}

const FIELDS = ['amount', 'unit', 'source', 'expires_at']

function GrantFields({ account, close }: Omit<GrantDrawerProps, 'opened'>) {
  const { now, tz } = useScene()
  const give = useGiveCredit(account)
  const [id] = useState(freshId)
  const [form, setForm] = useState<GrantForm>(EMPTY_GRANT)
  const [asked, ask] = useState<GrantDraft | null>(null)
  const { refusal, at, taken } = useRefusal(give.error)
  const change = (changed: Partial<GrantForm>) => setForm((was) => ({ ...was, ...changed }))
  return (
    <DrawerForm
      what="grant"
      isNew
      act="Give credit"
      written={form}
      refusal={refusal}
      fields={FIELDS}
      isPending={give.isPending}
      submit={() => ask(taken(grantDraftOf(form, { id, now, tz })))}
      question={
        asked && {
          words: giveWords(asked, account, now, tz),
          yes: `Give ${amountOf(asked)}`,
          confirm: () => give.mutate(asked, { onSuccess: close, onError: () => ask(null) }),
          back: () => ask(null),
        }
      }
      removal={null}
    >
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
      <Select
        label="Where it is from"
        allowDeselect={false}
        value={form.source}
        data={Object.entries(GIVEN_AS).map(([value, label]) => ({ value, label }))}
        error={at('source')}
        onChange={(source) => source && change({ source: source as GivenAs })}
      />
      <TextInput
        type="date"
        label="Last day that it can be spent on"
        description="What is left then expires. Without a day it stays."
        value={form.lastDay}
        error={at('expires_at')}
        onChange={(event) => change({ lastDay: event.currentTarget.value })}
      />
    </DrawerForm>
  )
}

function amountOf({ amount, unit }: GrantDraft): string {
  return formatAmountExactly(parseAmount(amount), unit)
}
