import { TextInput, type TextInputProps } from '@mantine/core'

interface NumberFieldProps extends Omit<TextInputProps, 'value' | 'onChange' | 'type'> {
  /** As it is written; `readNumber` and `readWhole` say what it means. */
  value: string
  onChange: (written: string) => void
  /** Whether it has no decimals. */
  isWhole?: boolean
}

/**
 * A number that is being written, kept letter by letter: a field that drops what it does not know
 * would turn 1,50 into 150.
 */
export function NumberField({ isWhole, onChange, ...props }: NumberFieldProps) {
  return (
    <TextInput
      inputMode={isWhole ? 'numeric' : 'decimal'}
      autoComplete="off"
      onChange={(event) => onChange(event.currentTarget.value)}
      {...props}
    />
  )
}
