import type { Link } from '@/wire'
import { budgetPath } from './budgets'
import { isAttribute, readScope } from './filters'
import { isMeasure } from './measures'
import { namePath } from './names'
import { carried, DEFAULT_VIEW, type View, viewQuery } from './view'

/** The address of what a text points at. What has no time of its own is of the time that is shown. */
export function addressOf(link: Link, shown: View): string {
  switch (link.to) {
    case 'usage':
      return withView('/explore', carried(shown))
    case 'usage_between':
      return withView('/explore', {
        ...DEFAULT_VIEW,
        period: { kind: 'custom', from: link.from, to: link.until },
        filters: readScope(link.scope),
        measure: link.measure && isMeasure(link.measure) ? link.measure : DEFAULT_VIEW.measure,
      })
    case 'usage_of_days':
      return withView('/explore', {
        ...DEFAULT_VIEW,
        period: { kind: 'custom', from: link.first, to: link.last },
        tz: link.tz ?? null,
        filters: readScope(link.scope),
      })
    case 'name':
      return isAttribute(link.attribute)
        ? withView(namePath(link.attribute, link.name), carried(shown))
        : '/explore'
    case 'budget':
      return budgetPath(link.id)
    case 'schedule':
      return `/exports?schedule=${encodeURIComponent(link.id)}`
    case 'prices':
      return '/prices'
    case 'unpriced':
      return '/prices?view=unpriced'
    case 'alerts':
      return '/alerts'
    case 'imports':
      return '/imports'
    case 'insights':
      return withView('/insights', carried(shown))
  }
}

function withView(path: string, view: View): string {
  const query = viewQuery(view)
  return query ? `${path}?${query}` : path
}
