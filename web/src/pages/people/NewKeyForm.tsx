import { Button, Checkbox, Select, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { type CreatedKey, SCOPES, type Scope, scopesFor, useCreateKey } from '@/api/people'
import { useSession } from '@/api/session'
import { firstEventCommand } from '@/lib/commands'
import { DAY_MS } from '@/lib/time'
import { CopyBlock } from '@/ui/CopyBlock'
import classes from '@/ui/form.module.css'
import { messageOf, sentence } from '@/ui/States'
import { useUnsaved } from '@/ui/unsaved'

const LIFETIMES = [
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: 'One year' },
  { value: '', label: 'Never' },
]

export function NewKeyForm({ close, made }: { close: () => void; made: () => void }) {
  const { role } = useSession()
  const create = useCreateKey()
  const [name, setName] = useState('')
  const [scopes, setScopes] = useState<string[]>(['events:write'])
  const [account, setAccount] = useState('')
  const [days, setDays] = useState<string | null>('')

  if (create.data) return <ShownOnce created={create.data} close={close} />
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const key = {
      name,
      scopes: scopes as Scope[],
      account: account || undefined,
      expires_at: days ? new Date(Date.now() + Number(days) * DAY_MS).toISOString() : undefined,
    }
    create.mutate(key, { onSuccess: made })
  }
  return (
    <form className={classes.form} onSubmit={submit}>
      <TextInput
        label="Name"
        description="What it is for, so that you know it again."
        placeholder="production ingest"
        required
        withAsterisk={false}
        data-autofocus
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Checkbox.Group label="It may" value={scopes} onChange={setScopes}>
        <div className={classes.checks}>
          {scopesFor(role).map((scope) => (
            <Checkbox
              key={scope}
              value={scope}
              size="xs"
              label={SCOPES[scope]}
              description={scope}
            />
          ))}
        </div>
      </Checkbox.Group>
      {role === 'admin' && (
        <TextInput
          label="Only for the account"
          description="Empty for every account that you may use."
          value={account}
          onChange={(event) => setAccount(event.currentTarget.value)}
        />
      )}
      <Select
        label="Expires"
        data={LIFETIMES}
        value={days}
        onChange={setDays}
        allowDeselect={false}
      />
      {create.isError && (
        <p className="bad" role="alert">
          {sentence(messageOf(create.error))}
        </p>
      )}
      <Button type="submit" loading={create.isPending} disabled={scopes.length === 0}>
        Make the key
      </Button>
    </form>
  )
}

/** The secret is not kept anywhere: this is the only time that it can be read. */
function ShownOnce({ created, close }: { created: CreatedKey; close: () => void }) {
  const { scope } = useSession()
  useUnsaved(true)
  return (
    <div className={classes.form}>
      <p>
        <strong>Copy it now: it is shown this once.</strong> Only its hash is kept.
      </p>
      <CopyBlock text={created.secret} label="key" />
      {created.scopes.includes('events:write') && (
        <>
          <p className="muted">A first event with it:</p>
          <CopyBlock
            text={firstEventCommand(
              window.location.origin,
              created.account ?? scope ?? 'me',
              created.secret,
            )}
          />
        </>
      )}
      <Button onClick={close}>I have it</Button>
    </div>
  )
}
