import { useMantineColorScheme } from '@mantine/core'
import {
  IconArrowsDiff,
  IconBellPlus,
  IconBookmark,
  IconCreditCard,
  IconCurrencyDollar,
  IconKey,
  IconLogout,
  IconPlus,
  IconSunMoon,
  IconUserPlus,
} from '@tabler/icons-react'
import { useMemo } from 'react'
import { useLocation } from 'wouter'
import { useUnpriced } from '@/api/prices'
import { useSession, useSignOut } from '@/api/session'
import { useSavedViews } from '@/api/views'
import { rangeOf } from '@/lib/period'
import { linkOfSaved } from '@/lib/savedViews'
import { scopeOf } from '@/lib/view'
import { useScene, useView } from '@/view/useView'
import type { Target } from './useTargets'

/** What somebody can do from anywhere: only what they may. */
export function useActions(): Target[] {
  const [, navigate] = useLocation()
  const [view, changeView] = useView()
  const { role } = useSession()
  const { mutate: signOut } = useSignOut()
  const { toggleColorScheme } = useMantineColorScheme()
  const unpriced = useUnpricedModels()
  const { data: views } = useSavedViews()
  const account = scopeOf(view)
  return useMemo(() => {
    const isAdmin = role === 'admin'
    const giving = `/credits?move=give${account ? `&account=${encodeURIComponent(account)}` : ''}`
    const leading = (label: string, Icon: Target['Icon'], path: string): Target => ({
      key: `do ${label}`,
      label,
      hint: 'Do',
      Icon,
      act: () => navigate(path),
    })
    return [
      ...(isAdmin
        ? [
            leading('New budget', IconPlus, '/budgets?edit=new'),
            leading('New alert rule', IconBellPlus, '/alerts?rule=new'),
            leading('New user', IconUserPlus, '/people?new=user'),
            leading('Give credit', IconCreditCard, giving),
            ...unpriced.map((model) =>
              leading(
                `Price ${model}`,
                IconCurrencyDollar,
                `/prices?view=unpriced&price=${encodeURIComponent(model)}`,
              ),
            ),
          ]
        : []),
      ...(views ?? []).map((saved) => ({
        ...leading(saved.name, IconBookmark, linkOfSaved(saved)),
        key: `view ${saved.id}`,
        hint: 'View',
      })),
      ...(role === 'viewer' ? [] : [leading('New key', IconKey, '/people?new=key')]),
      {
        key: 'do compare',
        label: view.compare
          ? 'Stop comparing with the period before'
          : 'Compare with the period before',
        hint: 'c',
        Icon: IconArrowsDiff,
        act: () => changeView({ compare: !view.compare }, { replace: true }),
      },
      {
        key: 'do theme',
        label: 'Dark or light',
        hint: 't',
        Icon: IconSunMoon,
        act: toggleColorScheme,
      },
      { key: 'do sign out', label: 'Sign out', hint: 'Do', Icon: IconLogout, act: () => signOut() },
    ]
  }, [
    role,
    unpriced,
    views,
    account,
    view.compare,
    navigate,
    changeView,
    signOut,
    toggleColorScheme,
  ])
}

/** The models that wait for a price, as the page of prices lists them. */
function useUnpricedModels(): string[] {
  const { now, tz } = useScene()
  const { role } = useSession()
  const range = useMemo(() => rangeOf({ kind: 'preset', preset: '90d' }, now, tz), [now, tz])
  const { data } = useUnpriced(range, { enabled: role === 'admin' })
  return useMemo(() => (data ?? []).flatMap(({ model }) => model ?? []), [data])
}
