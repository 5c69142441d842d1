import { Button, Drawer } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { type Rerated, useRemedy } from '@/api/prices'
import { useSession } from '@/api/session'
import { formatAmountExactly, parseAmount } from '@/lib/amount'
import { formatCountExactly, plural, quantityNumber } from '@/lib/number'
import {
  emptyRemedy,
  metersOf,
  type Remedy,
  remedyCommands,
  remedyOf,
  type Unpriced,
  unitWords,
} from '@/lib/remedy'
import { CopyBlock } from '@/ui/CopyBlock'
import { useRefusal } from '@/ui/DrawerForm'
import { NumberField } from '@/ui/NumberField'
import classes from './Prices.module.css'

interface RemedyDrawerProps {
  /** What has no price; `null` while nothing is picked. */
  unpriced: Unpriced | null
  close: () => void
}

/** Prices for a model that was used without, what they change, and the button that makes it so. */
export function RemedyDrawer({ unpriced, close }: RemedyDrawerProps) {
  return (
    <Drawer
      opened={unpriced !== null}
      onClose={close}
      position="right"
      size={460}
      title="Set prices"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {unpriced && <RemedyFields unpriced={unpriced} close={close} />}
    </Drawer>
  )
}

function RemedyFields({ unpriced, close }: { unpriced: Unpriced; close: () => void }) {
  const [form, setForm] = useState(() => emptyRemedy(unpriced))
  const [preview, setPreview] = useState<{ remedy: Remedy; would: Rerated } | null>(null)
  const act = useRemedy()
  const { refusal, at, taken } = useRefusal(act.error)
  const done = act.data?.applied ? act.data : null

  const change = (changed: Partial<typeof form>) => {
    setForm((was) => ({ ...was, ...changed }))
    setPreview(null)
    act.reset()
  }
  const look = (event: FormEvent) => {
    event.preventDefault()
    const remedy = taken(remedyOf(unpriced, form))
    if (!remedy) return
    act.mutate({ remedy, apply: false }, { onSuccess: (would) => setPreview({ remedy, would }) })
  }
  const apply = () => preview && act.mutate({ remedy: preview.remedy, apply: true })
  const isFieldAtFault = at('from') || metersOf(unpriced).some((meter) => at(`prices.${meter}`))
  if (done) return <Done done={done} close={close} />
  return (
    <form className={classes.form} onSubmit={look} noValidate aria-label="Prices">
      <p>
        <strong>{unpriced.model ?? 'Every model'}</strong> of{' '}
        {unpriced.provider ?? unpriced.service ?? 'nobody'}: {plural(unpriced.events, 'event')}{' '}
        without a price
        {unpriced.partly_priced > 0 &&
          `, a part of ${plural(unpriced.partly_priced, 'event')} is charged`}
        .
      </p>
      {metersOf(unpriced).map((meter) => (
        <NumberField
          key={meter}
          label={`${nameOf(meter)}, $ ${unitWords(meter)}`}
          description={`${formatCountExactly(quantityNumber(unpriced.meters[meter]))} used`}
          value={form.prices[meter] ?? ''}
          error={at(`prices.${meter}`)}
          onChange={(price) => change({ prices: { ...form.prices, [meter]: price } })}
        />
      ))}
      <NumberField
        label="Valid from"
        description="The first of these events; a day or a time of UTC."
        inputMode="text"
        value={form.from}
        error={at('from')}
        onChange={(from) => change({ from })}
      />
      {refusal && !isFieldAtFault && (
        <p className="bad" role="alert">
          {refusal.words}
        </p>
      )}
      <Button
        type="submit"
        variant={preview ? 'default' : 'filled'}
        loading={act.isPending && !preview}
      >
        Look at what changes
      </Button>
      {preview && (
        <section className={classes.outcome} aria-label="What changes">
          <Outcome rerated={preview.would} />
          <Button onClick={apply} loading={act.isPending}>
            Set the prices and charge the usage
          </Button>
          {act.isPending && (
            <p role="status" className="muted small">
              {plural(preview.would.events, 'event')} are being rated again.
            </p>
          )}
          <p className="muted small">The same in the server's shell:</p>
          <CopyBlock text={remedyCommands(preview.remedy)} label="commands" />
        </section>
      )}
    </form>
  )
}

/** What a re-rating changes, or has changed. */
function Outcome({ rerated }: { rerated: Rerated }) {
  const { currency } = useSession()
  const { applied, changed, accounts, unpriced, difference, refused } = rerated
  const full = Object.keys(refused)
  return (
    <>
      <p className={classes.amount}>{formatAmountExactly(parseAmount(difference), currency)}</p>
      <p>
        {applied ? 'charged for' : 'would be charged for'} {plural(changed, 'event')} of{' '}
        {plural(accounts, 'account')}.
        {unpriced > 0 &&
          ` Without a whole price ${applied ? 'remain' : 'would remain'}: ${formatCountExactly(unpriced)}.`}
      </p>
      {full.length > 0 && (
        <p className="bad">
          Left as they are, because they cannot be charged so much: {full.slice(0, 5).join(', ')}
          {full.length > 5 && ` and ${full.length - 5} more`}.
        </p>
      )}
    </>
  )
}

function Done({ done, close }: { done: Rerated; close: () => void }) {
  return (
    <section className={classes.form} aria-label="Done" role="status">
      <p>
        <strong>The prices are set.</strong>
      </p>
      <Outcome rerated={done} />
      <Button onClick={close}>Close</Button>
    </section>
  )
}

function nameOf(meter: string): string {
  return meter.charAt(0).toUpperCase() + meter.slice(1).replaceAll('_', ' ')
}
