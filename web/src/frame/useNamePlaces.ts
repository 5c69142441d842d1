import { IconTag } from '@tabler/icons-react'
import { useMemo } from 'react'
import { useLocation } from 'wouter'
import { type Attribute, attributeLabel } from '@/lib/filters'
import { namePath } from '@/lib/names'
import { DEFAULT_VIEW } from '@/lib/view'
import { linkTo, useView } from '@/view/useView'
import type { Target } from './useTargets'

/** The pages of names, in the period that is shown. */
export function useNamePlaces(names: { attribute: Attribute; name: string }[]): Target[] {
  const [{ period, tz, compare }] = useView()
  const [, navigate] = useLocation()
  return useMemo(
    () =>
      names.map(({ attribute, name }) => ({
        key: `name ${attribute} ${name}`,
        label: name,
        hint: attributeLabel(attribute),
        Icon: IconTag,
        act: () =>
          navigate(linkTo(namePath(attribute, name), { ...DEFAULT_VIEW, period, tz, compare })),
      })),
    [names, period, tz, compare, navigate],
  )
}
