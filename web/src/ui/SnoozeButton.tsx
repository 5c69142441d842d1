import { Button, Popover } from '@mantine/core'
import { useState } from 'react'

interface SnoozeButtonProps {
  /** For how many hours something can be silent, and how that is said. */
  spans: [hours: number, words: string][]
  isBusy: boolean
  snooze: (hours: number) => void
}

/** Opens the spans that something can be silent for. */
export function SnoozeButton({ spans, isBusy, snooze }: SnoozeButtonProps) {
  const [opened, setOpened] = useState(false)
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" trapFocus returnFocus>
      <Popover.Target>
        <Button
          size="compact-sm"
          variant="default"
          disabled={isBusy}
          onClick={() => setOpened((was) => !was)}
        >
          Snooze
        </Button>
      </Popover.Target>
      <Popover.Dropdown p={4} aria-label="Silent for">
        {spans.map(([hours, words]) => (
          <Button
            key={hours}
            size="compact-sm"
            variant="subtle"
            color="gray"
            fullWidth
            justify="flex-start"
            onClick={() => {
              setOpened(false)
              snooze(hours)
            }}
          >
            {words}
          </Button>
        ))}
      </Popover.Dropdown>
    </Popover>
  )
}
