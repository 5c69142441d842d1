import { Button } from '@mantine/core'
import { useEffect, useRef } from 'react'
import classes from './Asking.module.css'

interface AskingProps {
  words: string
  leave: string
  stay: string
  /** Whether it is what somebody came for, and nothing is lost by it. */
  isMeant?: boolean
  isPending?: boolean
  onLeave: () => void
  onStay: () => void
}

/** Asks once before something is lost, or done that counts. The harmless answer has the focus. */
export function Asking({ words, leave, stay, isMeant, isPending, onLeave, onStay }: AskingProps) {
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    box.current?.scrollIntoView({ block: 'nearest' })
    box.current?.querySelector('button')?.focus()
  }, [])
  return (
    <div ref={box} className={classes.asking} role="alertdialog" aria-label={words}>
      <p>{words}</p>
      <div className={classes.answers}>
        <Button size="xs" variant="default" disabled={isPending} onClick={onStay}>
          {stay}
        </Button>
        <Button
          size="xs"
          loading={isPending}
          {...(isMeant ? {} : { variant: 'subtle', color: 'red' })}
          onClick={onLeave}
        >
          {leave}
        </Button>
      </div>
    </div>
  )
}
