import { Button, Checkbox, Modal, Select, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import {
  type ApiKey,
  type CreatedKey,
  SCOPES,
  type Scope,
  scopesFor,
  useCreateKey,
  useKeys,
  useRevokeKey,
} from '@/api/people'
import { useSession } from '@/api/session'
import { firstEventCommand } from '@/lib/commands'
import { DAY_MS, formatAgo, formatDay, formatMoment } from '@/lib/time'
import { CopyBlock } from '@/ui/CopyBlock'
import { Asking } from '@/ui/DrawerForm'
import { Panel } from '@/ui/Panel'
import { Empty, Failure, messageOf, sentence, TableSkeleton } from '@/ui/States'
import table from '@/ui/table.module.css'
import { useUnsaved } from '@/ui/unsaved'
import { useNow } from '@/ui/useNow'
import classes from './Settings.module.css'

/** Keys for programs. Members have their own, admins see everybody's. */
export function KeysPanel() {
  const keys = useKeys()
  const [isMaking, setMaking] = useState(false)
  const [holdsSecret, setHoldsSecret] = useState(false)
  const [asks, setAsks] = useState(false)
  const close = () => {
    setMaking(false)
    setHoldsSecret(false)
    setAsks(false)
  }
  const [revoking, setRevoking] = useState<ApiKey | null>(null)
  const valid = keys.data?.filter((key) => key.state !== 'revoked') ?? []
  return (
    <Panel
      title="API keys"
      flush
      actions={
        <Button size="xs" onClick={() => setMaking(true)}>
          New key
        </Button>
      }
    >
      {keys.isError && !keys.data ? (
        <Failure what="The keys" error={keys.error} retry={keys.refetch} />
      ) : !keys.data ? (
        <TableSkeleton rows={3} label="The keys are loading" />
      ) : valid.length === 0 ? (
        <Empty title="No keys yet">A key lets a program send usage or ask about it.</Empty>
      ) : (
        <KeyTable keys={valid} revoke={setRevoking} />
      )}
      <Modal
        opened={isMaking}
        onClose={() => (holdsSecret ? setAsks(true) : close())}
        title="New key"
        closeOnClickOutside={false}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {asks && (
          <Asking
            words="The key is not shown again. Is it copied?"
            leave="Close it"
            stay="Show it still"
            onLeave={close}
            onStay={() => setAsks(false)}
          />
        )}
        {isMaking && <NewKeyForm close={close} made={() => setHoldsSecret(true)} />}
      </Modal>
      <Modal
        opened={revoking !== null}
        onClose={() => setRevoking(null)}
        title="Revoke the key?"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {revoking && <RevokeForm apiKey={revoking} close={() => setRevoking(null)} />}
      </Modal>
    </Panel>
  )
}

function KeyTable({ keys, revoke }: { keys: ApiKey[]; revoke: (key: ApiKey) => void }) {
  const { time_zone } = useSession()
  const tz = time_zone || 'UTC'
  const now = useNow()
  return (
    <table className={table.table}>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Begins with</th>
          <th scope="col" className={classes.wide}>
            For
          </th>
          <th scope="col" className={classes.wide}>
            Whose
          </th>
          <th scope="col">Last used</th>
          <th scope="col" className={classes.wide}>
            Expires
          </th>
          <th scope="col">
            <span className="visually-hidden">Act</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {keys.map((key) => (
          <tr key={key.id}>
            <th scope="row">{key.name}</th>
            <td>
              <code className={classes.code}>{key.prefix}…</code>
            </td>
            <td className={classes.wide}>{key.scopes.join(', ')}</td>
            <td className={classes.wide}>
              {key.user}
              {key.account && <span className="muted"> · only {key.account}</span>}
            </td>
            <td title={key.last_used_at ? formatMoment(new Date(key.last_used_at), tz) : undefined}>
              {key.last_used_at ? formatAgo(new Date(key.last_used_at), now) : 'never'}
            </td>
            <td className={classes.wide}>{expiryText(key, tz, now)}</td>
            <td className={table.right}>
              <Button
                size="compact-sm"
                variant="subtle"
                color="gray"
                aria-label={`Revoke ${key.name}`}
                onClick={() => revoke(key)}
              >
                Revoke
              </Button>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function expiryText({ state, expires_at }: ApiKey, tz: string, now: Date): string {
  if (!expires_at) return 'never'
  const day = formatDay(new Date(expires_at), tz, now)
  return state === 'expired' ? `expired ${day}` : day
}

const LIFETIMES = [
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: 'One year' },
  { value: '', label: 'Never' },
]

function NewKeyForm({ close, made }: { close: () => void; made: () => void }) {
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

function RevokeForm({ apiKey, close }: { apiKey: ApiKey; close: () => void }) {
  const revoke = useRevokeKey()
  return (
    <div className={classes.form}>
      <p>
        Programs that use <strong>{apiKey.name}</strong> are refused from now on. This cannot be
        undone.
      </p>
      {revoke.isError && (
        <p className="bad" role="alert">
          {sentence(messageOf(revoke.error))}
        </p>
      )}
      <div className={classes.inline}>
        <Button
          color="red"
          size="xs"
          loading={revoke.isPending}
          onClick={() => revoke.mutate(apiKey.id, { onSuccess: close })}
        >
          Revoke it
        </Button>
        <Button size="xs" variant="subtle" color="gray" onClick={close}>
          Keep it
        </Button>
      </div>
    </div>
  )
}
