import { Modal } from '@mantine/core'
import { IconArrowRight, IconFilter, IconSearch } from '@tabler/icons-react'
import { useQueries } from '@tanstack/react-query'
import { type ReactNode, useId, useMemo, useRef, useState } from 'react'
import { useLocation } from 'wouter'
import { useSession } from '@/api/session'
import { usageQuery } from '@/api/usage'
import { type Attribute, attributeLabel, withOnly } from '@/lib/filters'
import { PRESETS, type Preset } from '@/lib/period'
import classes from './Jump.module.css'
import { PAGES } from './Shell'
import { linkCarrying, linkTo, useScene, useView } from './useView'

interface Target {
  key: string
  label: string
  hint: string
  icon: ReactNode
  go: () => void
}

/** Attributes whose values can be jumped to, and how many of each are looked through. */
const SEARCHED: Attribute[] = ['provider', 'model', 'account', 'service', 'team', 'project']
const VALUES_MAX = 200
const SHOWN_MAX = 12

/** Search and jump: pages, periods, and everything usage is grouped by. */
export function Jump({ opened, close }: { opened: boolean; close: () => void }) {
  return (
    <Modal.Root
      opened={opened}
      onClose={close}
      size={560}
      yOffset="12vh"
      transitionProps={{ duration: 90 }}
    >
      <Modal.Overlay />
      <Modal.Content aria-label="Search and jump">
        <Modal.Body p={0}>{opened && <JumpList close={close} />}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  )
}

function JumpList({ close }: { close: () => void }) {
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const id = useId()
  const list = useRef<HTMLDivElement>(null)
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
    target.go()
  }
  return (
    <div>
      <div className={classes.search}>
        <IconSearch size={17} aria-hidden="true" />
        <input
          data-autofocus
          className={classes.input}
          value={text}
          placeholder="A page, a model, an account…"
          role="combobox"
          aria-label="Search and jump"
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
      <div ref={list} id={id} className={classes.list} role="listbox" aria-label="Places">
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
            {target.icon}
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

function useTargets(text: string): Target[] {
  const [view, changeView] = useView()
  const [path, navigate] = useLocation()
  const values = useValues()
  const { scope } = useSession()
  return useMemo(() => {
    const pages: Target[] = PAGES.filter(({ isAboutAll }) => scope === null || !isAboutAll).map(
      ({ path: to, title, key, Icon }) => ({
        key: `page ${to}`,
        label: title,
        hint: `g ${key}`,
        icon: <Icon size={16} stroke={1.7} aria-hidden="true" />,
        go: () => navigate(linkCarrying(to, view)),
      }),
    )
    const periods: Target[] = (Object.entries(PRESETS) as [Preset, string][]).map(
      ([preset, label]) => ({
        key: `period ${preset}`,
        label,
        hint: 'Period',
        icon: <IconArrowRight size={16} stroke={1.7} aria-hidden="true" />,
        go: () => changeView({ period: { kind: 'preset', preset }, every: null }),
      }),
    )
    const narrowing: Target[] = values.map(({ attribute, name }) => ({
      key: `value ${attribute} ${name}`,
      label: name,
      hint: attributeLabel(attribute),
      icon: <IconFilter size={16} stroke={1.7} aria-hidden="true" />,
      go: () => {
        const page = path === '/explore' ? '/explore' : '/'
        navigate(linkTo(page, { ...view, filters: withOnly(view.filters, attribute, name) }))
      },
    }))
    const words = text.toLowerCase().split(/\s+/).filter(Boolean)
    if (words.length === 0) return [...pages, ...narrowing.slice(0, SHOWN_MAX - pages.length)]
    const fits = (target: Target) => {
      const haystack = `${target.label} ${target.hint}`.toLowerCase()
      return words.every((word) => haystack.includes(word))
    }
    return [...pages, ...narrowing, ...periods].filter(fits).slice(0, SHOWN_MAX)
  }, [text, values, view, path, scope, navigate, changeView])
}

function useValues(): { attribute: Attribute; name: string }[] {
  const { range, tz } = useScene()
  const answers = useQueries({
    queries: SEARCHED.map((attribute) =>
      usageQuery('breakdown', { range, tz, by: [attribute], measures: ['spend'], top: VALUES_MAX }),
    ),
  })
  return answers.flatMap(({ data }, at) => {
    const attribute = SEARCHED[at] as Attribute
    return (data?.rows ?? [])
      .filter((row) => !row.isOther && row.names[0])
      .map((row) => ({ attribute, name: row.names[0] ?? '' }))
  })
}
