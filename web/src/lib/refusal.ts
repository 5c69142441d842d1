/** Why something that was written cannot be taken, and at which field. */
export interface Refusal {
  /** Empty where no field is at fault. */
  field: string
  words: string
}

export function isRefusal<Draft extends object>(written: Draft | Refusal): written is Refusal {
  return 'words' in written
}
