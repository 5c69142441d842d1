import { IconTag } from '@tabler/icons-react'
import { useMemo } from 'react'
import { useLocation } from 'wouter'
import { type Attribute, attributeLabel, withOnly } from '@/lib/filters'
import { linkTo, useView } from '@/view/useView'
import type { Target } from './useTargets'

/** Where each name leads. */
export function useNamePlaces(names: { attribute: Attribute; name: string }[]): Target[] {
  const [view] = useView()
  const [path, navigate] = useLocation()
  return useMemo(
    () =>
      names.map(({ attribute, name }) => ({
        key: `name ${attribute} ${name}`,
        label: name,
        hint: attributeLabel(attribute),
        Icon: IconTag,
        act: () => {
          const page = path === '/explore' ? '/explore' : '/'
          navigate(linkTo(page, { ...view, filters: withOnly(view.filters, attribute, name) }))
        },
      })),
    [names, view, path, navigate],
  )
}
