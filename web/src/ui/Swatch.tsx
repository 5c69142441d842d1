import { type Slot, slotVariable } from '@/lib/colour'

/** The colour of a series beside its name. */
export function Swatch({ slot }: { slot: Slot | undefined }) {
  return (
    <span
      aria-hidden="true"
      style={{
        display: 'inline-block',
        flex: 'none',
        width: 10,
        height: 10,
        borderRadius: 2,
        background: slotVariable(slot),
      }}
    />
  )
}
