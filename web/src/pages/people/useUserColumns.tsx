import { Button, Select } from '@mantine/core'
import { useMemo } from 'react'
import type { User, useChangeUser } from '@/api/people'
import { type Role, useSession } from '@/api/session'
import classes from '@/ui/form.module.css'
import { RowActs } from '@/widgets/Cells'
import type { Column } from '@/widgets/DataTable'
import { NameLink } from '@/widgets/NameLink'
import { ROLES } from './NewUserForm'

/** The columns of a table of users, whose role and way in an admin changes in place. */
export function useUserColumns(
  change: ReturnType<typeof useChangeUser>,
  link: (user: User) => void,
): Column<User>[] {
  const { user: self } = useSession()
  const { isPending, mutate } = change
  return useMemo(
    () => [
      {
        id: 'user',
        title: 'User',
        isHeading: true,
        order: ({ name }) => name,
        text: ({ id }) => id,
        cell: (user) => (
          <>
            {user.name} {user.name !== user.id && <span className="muted">{user.id}</span>}
            {user.disabled_at && <span className={classes.off}>disabled</span>}
          </>
        ),
      },
      {
        id: 'account',
        title: 'Account',
        isWide: true,
        order: ({ account }) => account,
        text: ({ account }) => account,
        cell: ({ account }) => <NameLink attribute="account" name={account} />,
      },
      {
        id: 'role',
        title: 'Role',
        order: ({ role }) => role,
        text: ({ role }) => role,
        cell: (user) =>
          user.id === self.id ? (
            user.role
          ) : (
            <Select
              size="xs"
              w={104}
              aria-label={`Role of ${user.name}`}
              data={ROLES}
              value={user.role}
              allowDeselect={false}
              disabled={isPending}
              onChange={(role) => role && mutate({ id: user.id, role: role as Role })}
            />
          ),
      },
      {
        id: 'way',
        title: 'Signs in by',
        isWide: true,
        order: wayIn,
        text: wayIn,
        cell: wayIn,
      },
      {
        id: 'acts',
        title: 'Act',
        hidesTitle: true,
        cell: (user) =>
          user.id !== self.id && (
            <RowActs>
              {!user.disabled_at && (
                <Button
                  size="compact-sm"
                  variant="subtle"
                  color="gray"
                  data-row
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
                disabled={isPending}
                aria-label={`${user.disabled_at ? 'Enable' : 'Disable'} ${user.name}`}
                onClick={() => mutate({ id: user.id, disabled: !user.disabled_at })}
              >
                {user.disabled_at ? 'Enable' : 'Disable'}
              </Button>
            </RowActs>
          ),
      },
    ],
    [self.id, isPending, mutate, link],
  )
}

function wayIn({ has_password }: User): string {
  return has_password ? 'password' : 'link or token'
}
