import { Modal } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { type RefObject, useId, useLayoutEffect, useRef, useState } from 'react'
import classes from './Palette.module.css'
import { type Target, useTargets } from './useTargets'

/** Reaches pages, names and actions by their words. */
export function Palette({ opened, close }: { opened: boolean; close: () => void }) {
  return (
    <Modal.Root
      opened={opened}
      onClose={close}
      size={560}
      yOffset="12vh"
      // It stands at once, so that no key typed after the one that opens it goes to the page.
      transitionProps={{ duration: 0 }}
      returnFocus={false}
    >
      <Modal.Overlay />
      <Modal.Content aria-label="Search and act">
        <Modal.Body p={0}>{opened && <PaletteList close={close} />}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  )
}

function PaletteList({ close }: { close: () => void }) {
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const id = useId()
  const list = useRef<HTMLDivElement>(null)
  const field = useRef<HTMLInputElement>(null)
  useFocusWhileOpen(field)
  const targets = useTargets(text)
  const selected = Math.min(at, targets.length - 1)

  const move = (by: number) => {
    if (targets.length === 0) return
    const next = (selected + by + targets.length) % targets.length
    setAt(next)
    list.current?.children[next]?.scrollIntoView({ block: 'nearest' })
  }
  const choose = (target: Target | undefined) => {
    if (!target) return
    close()
    target.act()
  }
  return (
    <div>
      <div className={classes.search}>
        <IconSearch size={17} aria-hidden="true" />
        <input
          ref={field}
          data-autofocus
          className={classes.input}
          value={text}
          placeholder="A page, a model, an account, something to do…"
          role="combobox"
          aria-label="Search and act"
          aria-expanded="true"
          aria-controls={id}
          aria-activedescendant={targets[selected] ? `${id}-${selected}` : undefined}
          onChange={(event) => {
            setText(event.currentTarget.value)
            setAt(0)
          }}
          onKeyDown={(event) => {
            if (event.key === 'ArrowDown') move(1)
            else if (event.key === 'ArrowUp') move(-1)
            else if (event.key === 'Enter') choose(targets[selected])
            else return
            event.preventDefault()
          }}
        />
      </div>
      <div ref={list} id={id} className={classes.list} role="listbox" aria-label="Found">
        {targets.map((target, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field above handles the keys
          // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the field
          <div
            key={target.key}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === selected}
            className={classes.option}
            onClick={() => choose(target)}
            onPointerMove={() => setAt(index)}
          >
            <target.Icon size={16} stroke={1.7} aria-hidden="true" />
            <span className="truncate">{target.label}</span>
            <span className={classes.hint}>{target.hint}</span>
          </div>
        ))}
      </div>
      {targets.length === 0 && (
        <p className={classes.none}>Nothing in this period is called “{text}”.</p>
      )}
    </div>
  )
}

/** Gives a field the focus before the next key comes, and gives it back when the field goes. */
function useFocusWhileOpen(field: RefObject<HTMLInputElement | null>) {
  useLayoutEffect(() => {
    const before = document.activeElement
    field.current?.focus()
    return () => {
      if (before instanceof HTMLElement) before.focus({ preventScroll: true })
    }
  }, [field])
}
