import { Button, Popover, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { Decision } from '@/api/recommendations'

/** As long as the server keeps one. */
const NOTE_MAX = 500

interface DecideButtonProps {
  label: string
  /** What comes of it, where the label does not say so. */
  why?: string
  /** What can be decided here; Enter decides the first. */
  choices: [decision: Decision, words: string][]
  isBusy: boolean
  decide: (decision: Decision, note: string) => void
}

/** Opens what can be decided, with room to say why. */
export function DecideButton({ label, why, choices, isBusy, decide }: DecideButtonProps) {
  const [opened, setOpened] = useState(false)
  const [note, setNote] = useState('')
  return (
    <Popover
      opened={opened}
      onChange={setOpened}
      position="bottom-end"
      width={300}
      trapFocus
      returnFocus
    >
      <Popover.Target>
        <Button
          size="compact-sm"
          variant="default"
          disabled={isBusy}
          title={why}
          onClick={() => setOpened((was) => !was)}
        >
          {label}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label={label}>
        <form onSubmit={(event) => event.preventDefault()}>
          <TextInput
            size="sm"
            label="Why (optional)"
            description="It stands beside the advice."
            autoComplete="off"
            data-autofocus
            maxLength={NOTE_MAX}
            value={note}
            onChange={(event) => setNote(event.currentTarget.value)}
          />
          <Button.Group mt={10}>
            {choices.map(([decision, words]) => (
              <Button
                key={words}
                type="submit"
                size="xs"
                variant="default"
                fullWidth
                onClick={() => {
                  setOpened(false)
                  decide(decision, note.trim())
                }}
              >
                {words}
              </Button>
            ))}
          </Button.Group>
        </form>
      </Popover.Dropdown>
    </Popover>
  )
}
