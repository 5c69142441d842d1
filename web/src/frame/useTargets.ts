import type { IconBell } from '@tabler/icons-react'
import { IconArrowRight } from '@tabler/icons-react'
import { useMemo } from 'react'
import { useLocation } from 'wouter'
import { useNames } from '@/api/names'
import { useSession } from '@/api/session'
import type { Attribute } from '@/lib/filters'
import { found } from '@/lib/palette'
import { PRESETS, type Preset } from '@/lib/period'
import { pagesFor, titleFor } from '@/registry'
import { linkCarrying, useScene, useView } from '@/view/useView'
import { useActions } from './useActions'
import { useNamePlaces } from './useNamePlaces'

/** Something that the palette reaches. */
export interface Target {
  key: string
  label: string
  hint: string
  Icon: typeof IconBell
  act: () => void
}

/** Attributes whose values can be reached. */
const SEARCHED: Attribute[] = [
  'provider',
  'model',
  'account',
  'subject',
  'service',
  'team',
  'project',
]
const SHOWN_MAX = 14

/** Pages, things to do, names and periods, with the words in them. */
export function useTargets(text: string): Target[] {
  const [view, changeView] = useView()
  const [, navigate] = useLocation()
  const session = useSession()
  const actions = useActions()
  const { range, tz } = useScene()
  const known = useNames({ attributes: SEARCHED, range, tz, text })
  const names = useNamePlaces(known.names.filter(({ name }) => name !== ''))
  return useMemo(() => {
    const pages: Target[] = pagesFor(session)
      .filter(({ group }) => group)
      .map((page) => ({
        key: `page ${page.path}`,
        label: titleFor(page, session),
        hint: page.key ? `g ${page.key}` : 'Page',
        Icon: page.Icon,
        act: () => navigate(linkCarrying(page.path, view)),
      }))
    const periods: Target[] = (Object.entries(PRESETS) as [Preset, string][]).map(
      ([preset, label]) => ({
        key: `period ${preset}`,
        label,
        hint: 'Period',
        Icon: IconArrowRight,
        act: () => changeView({ period: { kind: 'preset', preset }, every: null }),
      }),
    )
    if (text.trim() === '') return [...pages, ...actions].slice(0, SHOWN_MAX)
    return found([...pages, ...actions, ...names, ...periods], text, SHOWN_MAX)
  }, [text, names, actions, view, session, navigate, changeView])
}
