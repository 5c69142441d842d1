import { Button, Modal } from '@mantine/core'
import { useMemo, useState } from 'react'
import { type User, useChangeUser, useIssueLink, useUsers } from '@/api/people'
import { useSession } from '@/api/session'
import { formatMoment } from '@/lib/time'
import { CopyBlock } from '@/ui/CopyBlock'
import classes from '@/ui/form.module.css'
import { Loaded } from '@/ui/Loaded'
import { Panel } from '@/ui/Panel'
import { messageOf, sentence } from '@/ui/States'
import { useParam } from '@/view/useParam'
import { DataTable } from '@/widgets/DataTable'
import { MoreButton } from '@/widgets/MoreButton'
import { TableCsv } from '@/widgets/TableActions'
import { NewUserForm } from './NewUserForm'
import { useUserColumns } from './useUserColumns'

/** Everybody who can sign in. For admins only. */
export function UsersPanel() {
  const users = useUsers()
  const [made, make] = useParam('new')
  const isAdding = made === 'user'
  const [linking, setLinking] = useState<User | null>(null)
  const change = useChangeUser()
  const listed = useMemo(() => users.data?.pages.flatMap(({ items }) => items) ?? [], [users.data])
  const columns = useUserColumns(change, setLinking)
  return (
    <Panel
      title="Users"
      flush
      actions={
        <>
          {listed.length > 0 && (
            <TableCsv
              rows={listed}
              columns={columns}
              name="users."
              file="outlay-users"
              label="Save the users as CSV"
            />
          )}
          <Button size="xs" onClick={() => make('user')}>
            New user
          </Button>
        </>
      }
    >
      {change.isError && (
        <p className={`bad ${classes.tableError}`} role="alert">
          {sentence(messageOf(change.error))}
        </p>
      )}
      <Loaded query={users} what="The users" rows={3}>
        {() => (
          <DataTable
            label="Users"
            name="users."
            rows={listed}
            columns={columns}
            rowKey={({ id }) => id}
            rowClass={({ disabled_at }) => (disabled_at ? 'muted' : undefined)}
          />
        )}
      </Loaded>
      <MoreButton query={users}>More users</MoreButton>
      <Modal
        opened={isAdding}
        onClose={() => make(null, { replace: true })}
        title="New user"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {isAdding && (
          <NewUserForm
            close={(added) => {
              make(null, { replace: true })
              // Without a password a link is the way in.
              if (added && !added.has_password) setLinking(added)
            }}
          />
        )}
      </Modal>
      <Modal
        opened={linking !== null}
        onClose={() => setLinking(null)}
        title="Sign-in link"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {linking && <LinkForm user={linking} />}
      </Modal>
    </Panel>
  )
}

/** Makes a link that lets somebody in once, to be sent to them. */
function LinkForm({ user }: { user: User }) {
  const { time_zone } = useSession()
  const issue = useIssueLink()
  if (issue.data) {
    const until = formatMoment(new Date(issue.data.expires_at), time_zone || 'UTC')
    return (
      <div className={classes.form}>
        <p>
          Whoever opens it first is signed in as <strong>{user.name}</strong>, until {until}.
        </p>
        <CopyBlock text={issue.data.url} label="link" />
      </div>
    )
  }
  return (
    <div className={classes.form}>
      <p>
        A link signs <strong>{user.name}</strong> in once, without a password. A link made before
        stops working.
      </p>
      {issue.isError && (
        <p className="bad" role="alert">
          {sentence(messageOf(issue.error))}
        </p>
      )}
      <div>
        <Button size="xs" loading={issue.isPending} onClick={() => issue.mutate(user.id)}>
          Make a link
        </Button>
      </div>
    </div>
  )
}
