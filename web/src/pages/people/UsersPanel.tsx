import { Button, Modal, Select } from '@mantine/core'
import { useState } from 'react'
import { type User, useChangeUser, useIssueLink, useUsers } from '@/api/people'
import { type Role, useSession } from '@/api/session'
import { formatMoment } from '@/lib/time'
import { CopyBlock } from '@/ui/CopyBlock'
import classes from '@/ui/form.module.css'
import { Panel } from '@/ui/Panel'
import { Failure, messageOf, sentence, TableSkeleton } from '@/ui/States'
import table from '@/ui/table.module.css'
import { useParam } from '@/view/useParam'
import { NameLink } from '@/widgets/NameLink'
import { NewUserForm, ROLES } from './NewUserForm'
/** Everybody who can sign in. For admins only. */
export function UsersPanel() {
  const users = useUsers()
  const [made, make] = useParam('new')
  const isAdding = made === 'user'
  const [linking, setLinking] = useState<User | null>(null)
  return (
    <Panel
      title="Users"
      flush
      actions={
        <Button size="xs" onClick={() => make('user')}>
          New user
        </Button>
      }
    >
      {users.isError && !users.data ? (
        <Failure what="The users" error={users.error} retry={users.refetch} />
      ) : !users.data ? (
        <TableSkeleton rows={3} label="The users are loading" />
      ) : (
        <UserTable users={users.data} link={setLinking} />
      )}
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

function UserTable({ users, link }: { users: User[]; link: (user: User) => void }) {
  const { user: self } = useSession()
  const change = useChangeUser()
  return (
    <>
      {change.isError && (
        <p className={`bad ${classes.tableError}`} role="alert">
          {sentence(messageOf(change.error))}
        </p>
      )}
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col">User</th>
            <th scope="col" className={classes.wide}>
              Account
            </th>
            <th scope="col">Role</th>
            <th scope="col" className={classes.wide}>
              Signs in by
            </th>
            <th scope="col">
              <span className="visually-hidden">Act</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {users.map((user) => (
            <tr key={user.id} className={user.disabled_at ? 'muted' : undefined}>
              <th scope="row">
                {user.name} {user.name !== user.id && <span className="muted">{user.id}</span>}
                {user.disabled_at && <span className={classes.off}>disabled</span>}
              </th>
              <td className={classes.wide}>
                <NameLink attribute="account" name={user.account} />
              </td>
              <td>
                {user.id === self.id ? (
                  user.role
                ) : (
                  <Select
                    size="xs"
                    w={104}
                    aria-label={`Role of ${user.name}`}
                    data={ROLES}
                    value={user.role}
                    allowDeselect={false}
                    disabled={change.isPending}
                    onChange={(role) => role && change.mutate({ id: user.id, role: role as Role })}
                  />
                )}
              </td>
              <td className={classes.wide}>{user.has_password ? 'password' : 'link or token'}</td>
              <td className={table.right}>
                {user.id !== self.id && (
                  <>
                    {!user.disabled_at && (
                      <Button
                        size="compact-sm"
                        variant="subtle"
                        color="gray"
                        aria-label={`Sign-in link for ${user.name}`}
                        onClick={() => link(user)}
                      >
                        Link
                      </Button>
                    )}
                    <Button
                      size="compact-sm"
                      variant="subtle"
                      color="gray"
                      disabled={change.isPending}
                      aria-label={`${user.disabled_at ? 'Enable' : 'Disable'} ${user.name}`}
                      onClick={() => change.mutate({ id: user.id, disabled: !user.disabled_at })}
                    >
                      {user.disabled_at ? 'Enable' : 'Disable'}
                    </Button>
                  </>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
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
