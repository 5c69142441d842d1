import { Checkbox, Select } from '@mantine/core'
import { useState } from 'react'
import { useSetTerms } from '@/api/credit'
import { OVERDRAFTS, type TermsForm, termsDraftOf, termsFormOf } from '@/lib/credit'
import { DrawerForm, FormDrawer, useRefusal } from '@/ui/DrawerForm'
import { NumberField } from '@/ui/NumberField'
import type { LedgerTerms } from '@/wire'

interface TermsDrawerProps {
  account: string
  terms: LedgerTerms
  opened: boolean
  close: () => void
}

/** What becomes of usage that nobody authorised and the balance does not cover. */
export function TermsDrawer({ account, terms, opened, close }: TermsDrawerProps) {
  return (
    <FormDrawer
      what="terms"
      isNew={false}
      title={`Terms of ${account}`}
      opened={opened}
      close={close}
    >
      {() => <TermsFields account={account} terms={terms} close={close} />}
    </FormDrawer>
  )
}

const FIELDS = ['overdraft', 'floor']

function TermsFields({ account, terms, close }: Omit<TermsDrawerProps, 'opened'>) {
  const set = useSetTerms(account)
  const [form, setForm] = useState<TermsForm>(() => termsFormOf(terms))
  const { refusal, at, taken } = useRefusal(set.error)
  const change = (changed: Partial<TermsForm>) => setForm((was) => ({ ...was, ...changed }))
  const submit = () => {
    const draft = taken(termsDraftOf(form))
    if (draft) set.mutate(draft, { onSuccess: close })
  }
  return (
    <DrawerForm
      what="terms"
      isNew={false}
      written={form}
      refusal={refusal}
      fields={FIELDS}
      isPending={set.isPending}
      submit={submit}
      removal={null}
    >
      <Select
        label="What the balance does not cover"
        description="Of usage that nobody asked for before it was spent."
        allowDeselect={false}
        value={form.overdraft}
        data={Object.entries(OVERDRAFTS).map(([value, label]) => ({ value, label }))}
        error={at('overdraft')}
        onChange={(overdraft) =>
          overdraft && change({ overdraft: overdraft as TermsForm['overdraft'] })
        }
      />
      {form.overdraft === 'floor' && (
        <NumberField
          label="Owed at most"
          value={form.floor}
          error={at('floor')}
          onChange={(floor) => change({ floor })}
        />
      )}
      <Checkbox
        label="More may be captured than is held"
        checked={form.capturesBeyond}
        onChange={(event) => change({ capturesBeyond: event.currentTarget.checked })}
      />
    </DrawerForm>
  )
}
