import { type Attribute, isAttribute } from './filters'

/** The path of the page about a name, e.g. of the model `meta/llama 3`: `/model/meta%2Fllama%203`. */
export function namePath(attribute: Attribute, name: string): string {
  return `/${encodeURIComponent(attribute)}/${encodeURIComponent(name)}`
}

/** The name that a page is about, by its path as it stands in the address. */
export function readNamePath(path: string): { attribute: Attribute; name: string } | null {
  const [, attribute = '', name = '', ...rest] = path.split('/').map(decoded)
  return isAttribute(attribute) && name !== '' && rest.length === 0 ? { attribute, name } : null
}

/** A part of an address as people wrote it; what is no code stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
