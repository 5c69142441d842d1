import { type Attribute, type Filter, readFilters, readScope, type WireScope } from './filters'

/** Whether what a scope lets pass is about a name, among others. */
export function isAbout(scope: WireScope, attribute: Attribute, name: string): boolean {
  return namesIt(readScope(scope), attribute, name)
}

/** Whether the usage that a path of ours shows is about a name. */
export function isPathAbout(path: string | null, attribute: Attribute, name: string): boolean {
  const [, query = ''] = path?.split('?') ?? []
  return namesIt(readFilters(new URLSearchParams(query)), attribute, name)
}

function namesIt(filters: Filter[], attribute: Attribute, name: string): boolean {
  return filters.some(
    (filter) =>
      filter.attribute === attribute && filter.op === 'in' && filter.values.includes(name),
  )
}
