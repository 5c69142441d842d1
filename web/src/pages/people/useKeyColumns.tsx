import { Button } from '@mantine/core'
import { useMemo } from 'react'
import type { ApiKey } from '@/api/people'
import { useSession } from '@/api/session'
import { formatAgo, formatDay, formatMoment } from '@/lib/time'
import classes from '@/ui/form.module.css'
import { useNow } from '@/ui/useNow'
import { RowActs } from '@/widgets/Cells'
import type { Column } from '@/widgets/DataTable'
import { NameLink } from '@/widgets/NameLink'

/** The columns of a table of keys, each of which can be revoked. */
export function useKeyColumns(revoke: (key: ApiKey) => void): Column<ApiKey>[] {
  const tz = useSession().time_zone || 'UTC'
  const now = useNow()
  return useMemo(() => {
    const moment = (at: string | null) => (at ? formatMoment(new Date(at), tz) : undefined)
    return [
      {
        id: 'name',
        title: 'Name',
        isHeading: true,
        order: ({ name }) => name,
        text: ({ name }) => name,
        cell: ({ name }) => name,
      },
      {
        id: 'prefix',
        title: 'Begins with',
        isWide: true,
        text: ({ prefix }) => prefix,
        cell: ({ prefix }) => <code className={classes.code}>{prefix}…</code>,
      },
      {
        id: 'scopes',
        title: 'For',
        isWide: true,
        text: ({ scopes }) => scopes.join(' '),
        cell: ({ scopes }) => scopes.join(', '),
      },
      {
        id: 'user',
        title: 'Whose',
        isWide: true,
        order: ({ user }) => user,
        text: ({ user }) => user,
        cell: ({ user }) => user,
      },
      {
        id: 'account',
        title: 'Only for',
        isWide: true,
        order: ({ account }) => account,
        text: ({ account }) => account,
        cell: ({ account }) =>
          account ? (
            <NameLink attribute="account" name={account} />
          ) : (
            <span className="muted">every account of theirs</span>
          ),
      },
      {
        id: 'used',
        title: 'Last used',
        order: ({ last_used_at }) => last_used_at && Date.parse(last_used_at),
        text: ({ last_used_at }) => last_used_at,
        hint: ({ last_used_at }) => moment(last_used_at),
        cell: ({ last_used_at }) =>
          last_used_at ? formatAgo(new Date(last_used_at), now) : 'never',
      },
      {
        id: 'expires',
        title: 'Expires',
        isWide: true,
        order: ({ expires_at }) => expires_at && Date.parse(expires_at),
        text: ({ expires_at }) => expires_at,
        hint: ({ expires_at }) => moment(expires_at),
        cell: (key) => expiryText(key, tz, now),
      },
      {
        id: 'acts',
        title: 'Act',
        hidesTitle: true,
        cell: (key) => (
          <RowActs>
            <Button
              size="compact-sm"
              variant="subtle"
              color="gray"
              data-row
              aria-label={`Revoke ${key.name}`}
              onClick={() => revoke(key)}
            >
              Revoke
            </Button>
          </RowActs>
        ),
      },
    ]
  }, [tz, now, revoke])
}

function expiryText({ state, expires_at }: ApiKey, tz: string, now: Date): string {
  if (!expires_at) return 'never'
  const day = formatDay(new Date(expires_at), tz, now)
  return state === 'expired' ? `expired ${day}` : day
}
