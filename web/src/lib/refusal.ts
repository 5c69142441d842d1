/** Why something that was written cannot be taken, and at which field. */
export interface Refusal {
  /** Empty where no field is at fault. */
  field: string
  words: string
  /** What else cannot be taken. */
  also?: Refusal[]
}

/** What is wrong with a field, or with a part of it. */
export function wordsFor(refusal: Refusal | null, field: string): string | undefined {
  if (!refusal) return undefined
  const is = (one: string) =>
    one === field || one.startsWith(`${field}.`) || one.startsWith(`${field}[`)
  return [refusal, ...(refusal.also ?? [])].find((one) => is(one.field))?.words
}

export function isRefusal<Draft extends object>(written: Draft | Refusal): written is Refusal {
  return 'words' in written
}
