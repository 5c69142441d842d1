/** Something that can be reached by its words. */
export interface Findable {
  label: string
  /** What kind of thing it is, which is searched as well. */
  hint: string
}

/**
 * What has all of the words in it, the best first: a label that is the text, then one that begins with
 * it, then one with a word that does. What is alike keeps its order.
 */
export function found<Target extends Findable>(
  targets: Target[],
  text: string,
  max: number,
): Target[] {
  const sought = text.trim().toLowerCase()
  const words = sought.split(/\s+/).filter(Boolean)
  return targets
    .filter(({ label, hint }) => {
      const haystack = `${label} ${hint}`.toLowerCase()
      return words.every((word) => haystack.includes(word))
    })
    .map((target, at) => ({ target, at, rank: rankOf(target.label.toLowerCase(), sought) }))
    .sort((a, b) => a.rank - b.rank || a.at - b.at)
    .slice(0, max)
    .map(({ target }) => target)
}

function rankOf(label: string, sought: string): number {
  if (label === sought) return 0
  if (label.startsWith(sought)) return 1
  return label.split(/[^a-z0-9]+/).some((word) => word !== '' && sought.startsWith(word)) ? 2 : 3
}
