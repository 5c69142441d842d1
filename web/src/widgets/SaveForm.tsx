import { Button, Checkbox, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { useSession } from '@/api/session'
import type { SavedView, SavedViewDraft } from '@/api/views'
import { useLayOut, usePins, useSaveView } from '@/api/views'
import { useRefusal } from '@/ui/DrawerForm'
import { PINS_MAX } from '@/view/usePinning'
import classes from './SaveForm.module.css'

interface SaveFormProps {
  /** What is kept, but for its name and who sees it. */
  draft: SavedViewDraft
  /** The view that gets another name; `null` where a new one is kept. */
  renamed: SavedView | null
  done: (saved: SavedView) => void
}

/** The name that a view is kept under, who sees that it is there, and whether it is pinned at once. */
export function SaveForm({ draft, renamed, done }: SaveFormProps) {
  const { role } = useSession()
  const save = useSaveView()
  const pins = usePins()
  const layOut = useLayOut()
  const [name, setName] = useState(draft.name)
  const [isForAll, setForAll] = useState(renamed?.audience === 'all')
  const [pinned, setPinned] = useState(false)
  const { refusal, at } = useRefusal(save.error)
  const canPin = renamed === null && pins.data !== undefined && pins.data.length < PINS_MAX
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const audience = isForAll ? 'all' : 'owner'
    save.mutate(
      { id: renamed?.id ?? null, draft: { ...draft, name, audience } },
      {
        onSuccess: (saved) => {
          if (pinned) layOut.mutate([...(pins.data ?? []), { view: saved.id, size: 'half' }])
          done(saved)
        },
      },
    )
  }
  return (
    <form className={classes.form} onSubmit={submit} noValidate>
      <TextInput
        label="Name"
        data-autofocus
        autoComplete="off"
        maxLength={100}
        value={name}
        error={at('name')}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      {canPin && (
        <Checkbox
          label="On my overview"
          checked={pinned}
          onChange={(event) => setPinned(event.currentTarget.checked)}
        />
      )}
      {role === 'admin' && (
        <Checkbox
          label="For all"
          description="Everybody finds it, and sees in it what they may see anyway."
          checked={isForAll}
          onChange={(event) => setForAll(event.currentTarget.checked)}
        />
      )}
      {refusal && !at('name') && (
        <p className="bad" role="alert">
          {refusal.words}
        </p>
      )}
      <Button type="submit" size="xs" loading={save.isPending} disabled={name.trim() === ''}>
        {renamed ? 'Save the name' : 'Save the view'}
      </Button>
    </form>
  )
}
