import { Button, Modal } from '@mantine/core'
import { useMemo, useState } from 'react'
import { type ApiKey, useKeys, useRevokeKey } from '@/api/people'
import { Asking } from '@/ui/Asking'
import classes from '@/ui/form.module.css'
import { Loaded } from '@/ui/Loaded'
import { Panel } from '@/ui/Panel'
import { Empty, messageOf, sentence } from '@/ui/States'
import { useParam } from '@/view/useParam'
import { DataTable } from '@/widgets/DataTable'
import { MoreButton } from '@/widgets/MoreButton'
import { TableCsv } from '@/widgets/TableActions'
import { NewKeyForm } from './NewKeyForm'
import { useKeyColumns } from './useKeyColumns'

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
  const valid = useMemo(() => {
    const all = keys.data?.pages.flatMap(({ items }) => items) ?? []
    return all.filter(({ state }) => state !== 'revoked')
  }, [keys.data])
  const columns = useKeyColumns(setRevoking)
  return (
    <Panel
      title="API keys"
      flush
      actions={
        <>
          {valid.length > 0 && (
            <TableCsv
              rows={valid}
              columns={columns}
              name="keys."
              file="outlay-keys"
              label="Save the keys as CSV"
            />
          )}
          <Button size="xs" onClick={() => make('key')}>
            New key
          </Button>
        </>
      }
    >
      <Loaded
        query={keys}
        what="The keys"
        rows={3}
        isEmpty={() => valid.length === 0 && !keys.hasNextPage}
        empty={<Empty title="No keys yet">A key lets a program send usage or ask about it.</Empty>}
      >
        {() => (
          <DataTable
            label="API keys"
            name="keys."
            rows={valid}
            columns={columns}
            rowKey={({ id }) => id}
          />
        )}
      </Loaded>
      <MoreButton query={keys}>Older keys</MoreButton>
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
