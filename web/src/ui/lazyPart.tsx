import { type ComponentType, lazy, useState } from 'react'
import { serverAnswers } from '@/live/recovery'
import { hasUnsaved } from './unsaved'

/** Why a part of the page is not there: its script could not be loaded. */
export class MissingPart extends Error {
  override readonly name = 'MissingPart'

  constructor(
    /** Whether the server answers: then it has another version of the part, or none. */
    readonly isServerUp: boolean,
    cause: unknown,
  ) {
    super('a part of the page could not be loaded', { cause })
  }
}

/** A part whose script may be loaded before it is drawn: when a pointer is on its way to it. */
export type Part<Props> = ComponentType<Props> & { load: () => void }

/** Those that failed, each with what makes it load again. */
const failed = new Set<() => void>()

/** Makes every part that failed load again when it is next drawn. */
export function retryParts() {
  for (const again of failed) again()
  failed.clear()
}

/**
 * A part of the page with a script of its own, loaded when it is first drawn.
 *
 * React keeps a failure for good, so after [`retryParts`] it is told of a new part. A script that a
 * server which answers does not have is of a version before: the page is loaded anew, once.
 */
export function lazyPart<Props extends object>(
  load: () => Promise<{ default: ComponentType<Props> }>,
): Part<Props> {
  const make = () =>
    lazy(() =>
      load().catch(async (cause) => {
        failed.add(() => {
          current = make()
        })
        const isServerUp = await serverAnswers()
        // While the browser reloads, nothing is drawn in place of what is on its way.
        if (isServerUp && reloadOnce()) return new Promise<never>(() => {})
        throw new MissingPart(isServerUp, cause)
      }),
    )
  let current = make()
  function LazyPart(props: Props) {
    const [Loaded] = useState(() => current)
    return <Loaded {...props} />
  }
  // What fails beforehand is told when it is drawn, and tried again then.
  return Object.assign(LazyPart, { load: () => void load().catch(() => undefined) })
}

const RELOADED_KEY = 'outlay-reloaded'

/**
 * Loads the page again, if it was not already for this version of it, and nothing that somebody
 * writes would be lost. The version is the name of the first script, which has its hash.
 */
function reloadOnce(): boolean {
  const version = document.querySelector<HTMLScriptElement>('script[type="module"]')?.src ?? ''
  try {
    if (hasUnsaved() || sessionStorage.getItem(RELOADED_KEY) === version) return false
    sessionStorage.setItem(RELOADED_KEY, version)
  } catch {
    // Without a memory it might go on for ever.
    return false
  }
  window.location.reload()
  return true
}
