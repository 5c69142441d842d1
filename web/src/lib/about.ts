import type { Link } from '@/wire'
import { type Attribute, readScope, type WireScope } from './filters'

/** Whether what a scope lets pass is about a name, among others. */
export function isAbout(scope: WireScope, attribute: Attribute, name: string): boolean {
  return readScope(scope).some(
    (filter) =>
      filter.attribute === attribute && filter.op === 'in' && filter.values.includes(name),
  )
}

/** Whether what a text points at is about a name. */
export function isLinkAbout(link: Link | null, attribute: Attribute, name: string): boolean {
  if (link?.to === 'name') return link.attribute === attribute && link.name === name
  return link !== null && 'scope' in link && isAbout(link.scope, attribute, name)
}
