import { Button, Modal } from '@mantine/core'
import { useState } from 'react'
import { type ApiKey, useKeys, useRevokeKey } from '@/api/people'
import { useSession } from '@/api/session'
import { formatAgo, formatDay, formatMoment } from '@/lib/time'
import { Asking } from '@/ui/DrawerForm'
import classes from '@/ui/form.module.css'
import { Panel } from '@/ui/Panel'
import { Empty, Failure, messageOf, sentence, TableSkeleton } from '@/ui/States'
import table from '@/ui/table.module.css'
import { useNow } from '@/ui/useNow'
import { useParam } from '@/view/useParam'
import { NewKeyForm } from './NewKeyForm'

/** Keys for programs. Members have their own, admins see everybody's. */
export function KeysPanel() {
  const keys = useKeys()
  const [made, make] = useParam('new')
  const isMaking = made === 'key'
  const [holdsSecret, setHoldsSecret] = useState(false)
  const [asks, setAsks] = useState(false)
  const close = () => {
    make(null, { replace: true })
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
        <Button size="xs" onClick={() => make('key')}>
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
