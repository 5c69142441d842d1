import { TextInput } from '@mantine/core'
import { useState } from 'react'
import { type Posting, useRefund } from '@/api/credit'
import { formatAmountExactly, parseAmount } from '@/lib/amount'
import { type RefundForm, refundDraftOf } from '@/lib/credit'
import { freshId } from '@/lib/ids'
import { DrawerForm, FormDrawer, useRefusal } from '@/ui/DrawerForm'
import { NumberField } from '@/ui/NumberField'
import type { RefundDraft } from '@/wire'

interface RefundDrawerProps {
  account: string
  /** The charge or capture that is given back; nothing while the drawer is closed. */
  posting: Posting | null
  close: () => void
}

/** What a charge or a capture took is given back here, whole or in part. */
export function RefundDrawer({ account, posting, close }: RefundDrawerProps) {
  return (
    <FormDrawer
      what="refund"
      isNew
      title={`Refund line ${posting?.number ?? ''}`}
      opened={posting !== null}
      close={close}
    >
      {() => posting && <RefundFields account={account} posting={posting} close={close} />}
    </FormDrawer>
  )
}

const FIELDS = ['amount', 'reason']
const EMPTY: RefundForm = { amount: '', reason: '' }

function RefundFields({
  account,
  posting,
  close,
}: {
  account: string
  posting: Posting
  close: () => void
}) {
  const refund = useRefund(account)
  const [id] = useState(freshId)
  const [form, setForm] = useState(EMPTY)
  const [asked, ask] = useState<RefundDraft | null>(null)
  const { refusal, at, taken } = useRefusal(refund.error)
  const change = (changed: Partial<RefundForm>) => setForm((was) => ({ ...was, ...changed }))
  const money = (amount: string) => formatAmountExactly(parseAmount(amount), posting.unit)
  const much = asked?.amount ? money(asked.amount) : 'all that is left of it'
  return (
    <DrawerForm
      what="refund"
      isNew
      act="Refund"
      written={form}
      refusal={refusal}
      fields={FIELDS}
      isPending={refund.isPending}
      submit={() => ask(taken(refundDraftOf(form, posting.number, id)))}
      question={
        asked && {
          words: `Give ${much} back to ${account}, because: ${asked.reason}`,
          yes: 'Give it back',
          confirm: () => refund.mutate(asked, { onSuccess: close, onError: () => ask(null) }),
          back: () => ask(null),
        }
      }
      removal={null}
    >
      <p className="muted">
        Line {posting.number} took {money(posting.amount)}.
      </p>
      <NumberField
        label={`Amount in ${posting.unit}`}
        description="Empty for all that is left of it."
        value={form.amount}
        error={at('amount')}
        onChange={(amount) => change({ amount })}
      />
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
