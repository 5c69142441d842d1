import { Button, Drawer, Input } from '@mantine/core'
import {
  createContext,
  type FormEvent,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react'
import { ApiError } from '@/api/client'
import { isRefusal, type Refusal, wordsFor } from '@/lib/refusal'
import { Asking } from './Asking'
import classes from './DrawerForm.module.css'
import { Removal } from './Removal'
import { messageOf, sentence } from './States'
import { useUnsaved } from './unsaved'

interface FormDrawerProps {
  /** What kind of thing is written, e.g. `budget`. */
  what: string
  isNew: boolean
  /** What stands at its head, where that is neither a new thing nor one that is changed. */
  title?: string
  opened: boolean
  close: () => void
  /** The fields, which begin anew each time it opens. */
  children: () => ReactNode
}

/** Tells the drawer whether what stands in it was changed. */
const Edited = createContext<(isEdited: boolean) => void>(() => undefined)

/** The drawer that something is made or changed in. What was written in it is not lost by a key. */
export function FormDrawer({ what, isNew, title, opened, close, children }: FormDrawerProps) {
  const [isEdited, setEdited] = useState(false)
  const [asks, setAsks] = useState(false)
  const isUnsaved = opened && isEdited
  useUnsaved(isUnsaved)
  useEffect(() => {
    if (!opened) setAsks(false)
  }, [opened])
  return (
    <Drawer
      opened={opened}
      onClose={() => (isUnsaved ? setAsks(true) : close())}
      position="right"
      size={460}
      title={title ?? (isNew ? `New ${what}` : `Edit the ${what}`)}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {asks && (
        <Asking
          words={`What you wrote of the ${what} is not saved.`}
          leave="Discard it"
          stay="Go on writing"
          onLeave={close}
          onStay={() => setAsks(false)}
        />
      )}
      <Edited.Provider value={setEdited}>{opened && children()}</Edited.Provider>
    </Drawer>
  )
}

/** What stands in the way: found before the server is asked, or said by it. */
export function useRefusal(error: Error | null) {
  const [found, setFound] = useState<Refusal | null>(null)
  const said = useMemo(() => refusalOf(error), [error])
  const refusal = found ?? said
  return {
    refusal,
    /** The words for a field, where it is at fault. */
    at: (field: string) => wordsFor(refusal, field),
    /** Passes on what can be sent, and shows why the rest cannot. */
    taken: <Draft extends object>(written: Draft | Refusal): Draft | null => {
      setFound(isRefusal(written) ? written : null)
      return isRefusal(written) ? null : written
    },
  }
}

function refusalOf(error: Error | null): Refusal | null {
  if (!error) return null
  const field = error instanceof ApiError ? (error.field ?? '') : ''
  const remedy = error instanceof ApiError && error.remedy ? ` ${sentence(error.remedy)}` : ''
  return { field, words: sentence(messageOf(error)) + remedy }
}

/** What is asked once more before it is done, in the words of what was written. */
export interface Question {
  words: string
  yes: string
  confirm: () => void
  back: () => void
}

interface DrawerFormProps {
  what: string
  isNew: boolean
  /** All that is written, to see whether it was changed. */
  written: unknown
  refusal: Refusal | null
  /** The fields that say themselves what is wrong with them. */
  fields: string[]
  isPending: boolean
  submit: () => void
  /** What the button says, where it neither makes nor saves a thing. */
  act?: string
  /** What is asked before it is done; nothing while it is still written. */
  question?: Question | null
  /** How it goes; nothing for what does not exist yet. */
  removal: {
    name: string
    consequence: string
    error: Error | null
    isPending: boolean
    remove: () => void
  } | null
  children: ReactNode
}

/** Fields, what is wrong with none of them in particular, the button, and the way out. */
export function DrawerForm({
  what,
  isNew,
  written,
  refusal,
  fields,
  isPending,
  submit,
  act = isNew ? `Make the ${what}` : `Save the ${what}`,
  question = null,
  removal,
  children,
}: DrawerFormProps) {
  const onSubmit = (event: FormEvent) => {
    event.preventDefault()
    submit()
  }
  const form = useRef<HTMLFormElement>(null)
  const tellEdited = useContext(Edited)
  const text = JSON.stringify(written)
  const [first] = useState(text)
  useEffect(() => {
    tellEdited(text !== first)
    return () => tellEdited(false)
  }, [tellEdited, text, first])
  useEffect(() => {
    if (refusal) leadToFault(form.current)
  }, [refusal])
  return (
    <>
      <form ref={form} className={classes.form} onSubmit={onSubmit} noValidate>
        {/* What is asked about stays as it is until it is answered. */}
        <fieldset className={classes.fields} disabled={question !== null}>
          {children}
        </fieldset>
        {refusal && !fields.some((field) => wordsFor(refusal, field)) && (
          <p className="bad" role="alert">
            {refusal.words}
          </p>
        )}
        {question ? (
          <Asking
            words={question.words}
            leave={question.yes}
            stay="Go back"
            isMeant
            isPending={isPending}
            onLeave={question.confirm}
            onStay={question.back}
          />
        ) : (
          <Button type="submit" loading={isPending}>
            {act}
          </Button>
        )}
      </form>
      {removal && <Removal what={what} {...removal} />}
    </>
  )
}

/** The button stands at the foot of a long form, and what is wrong may be out of sight. */
function leadToFault(form: HTMLFormElement | null) {
  const field = form?.querySelector<HTMLElement>('[aria-invalid="true"]')
  if (field) field.focus()
  else form?.querySelector('[role="alert"]')?.scrollIntoView({ block: 'nearest' })
}

interface GroupProps {
  label: string
  description?: ReactNode
  error?: string
  children: ReactNode
}

/** Controls that belong together under one name. */
export function Group({ label, description, error, children }: GroupProps) {
  return (
    <fieldset className={classes.group}>
      <legend>{label}</legend>
      {description && <Input.Description>{description}</Input.Description>}
      {children}
      {error && <Input.Error role="alert">{error}</Input.Error>}
    </fieldset>
  )
}

/** What could not be taken over from where somebody came from. */
export function LeftOut({ words }: { words: string | null }) {
  return words && <p className="muted small">{words}</p>
}

/** Two fields side by side. */
export function Pair({ children }: { children: ReactNode }) {
  return <div className={classes.pair}>{children}</div>
}
