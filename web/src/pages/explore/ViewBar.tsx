import { Button, Menu, Popover } from '@mantine/core'
import { IconBookmark, IconChevronDown, IconPin, IconPinFilled } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { Link } from 'wouter'
import { type SavedView, useSavedViews, useSaveView } from '@/api/views'
import { draftOfView, isChanged, linkOfSaved, viewWords } from '@/lib/savedViews'
import { messageOf, sentence } from '@/ui/States'
import { useParam } from '@/view/useParam'
import { usePinning } from '@/view/usePinning'
import { useTableWords } from '@/view/useTableWords'
import { useView } from '@/view/useView'
import { SaveForm } from '@/widgets/SaveForm'
import classes from './ViewBar.module.css'
import { ViewMenu } from './ViewMenu'

/** Which kept view this is, what became of it since, and what can be done with it. */
export function ViewBar({ actions }: { actions: React.ReactNode }) {
  const views = useSavedViews()
  const [id, setId] = useParam('view')
  const saved = views.data?.find((one) => one.id === id) ?? null
  useEffect(() => {
    if (!saved) return
    document.title = `${saved.name} · Outlay`
    return () => {
      document.title = 'Explore · Outlay'
    }
  }, [saved])
  return (
    <section className={classes.bar} aria-label="View">
      <Views views={views.data ?? []} current={id} />
      {saved ? (
        <Kept saved={saved} />
      ) : (
        id !== null &&
        views.data && (
          <p className="muted small" role="status">
            The view of this link is gone, or somebody’s own. What is shown is what the address
            says.{' '}
            <button type="button" className="plain" onClick={() => setId(null, { replace: true })}>
              <u>Forget it</u>
            </button>
          </p>
        )
      )}
      <div className={classes.acts}>
        {saved ? <KeptActs saved={saved} /> : <SaveNew label="Save as view" />}
        {actions}
      </div>
    </section>
  )
}

/** Every view that somebody may open. */
function Views({ views, current }: { views: SavedView[]; current: string | null }) {
  if (views.length === 0) return null
  return (
    <Menu position="bottom-start" width={280}>
      <Menu.Target>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconBookmark size={14} aria-hidden="true" />}
          rightSection={<IconChevronDown size={14} aria-hidden="true" />}
        >
          Views
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah={360} style={{ overflowY: 'auto' }}>
        {views.map((view) => (
          <Menu.Item
            key={view.id}
            component={Link}
            href={linkOfSaved(view)}
            aria-current={view.id === current || undefined}
            rightSection={view.audience === 'all' && <span className="muted small">for all</span>}
          >
            {view.name}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item component={Link} href="/views">
          All views
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

function Kept({ saved }: { saved: SavedView }) {
  const [view] = useView()
  const words = useTableWords()
  const facts = [
    saved.audience === 'all' && (saved.mine ? 'for all' : `for all, by ${saved.owner}`),
    isChanged(saved, view, words) && 'changed since it was saved',
  ].filter(Boolean)
  return (
    <p className={classes.name}>
      <span className="truncate">{saved.name}</span>
      {facts.length > 0 && <small>{facts.join(', ')}</small>}
    </p>
  )
}

function KeptActs({ saved }: { saved: SavedView }) {
  const [view] = useView()
  const words = useTableWords()
  const save = useSaveView()
  const { isPinned, isReady, toggle, error } = usePinning(saved.id)
  const changed = isChanged(saved, view, words)
  const refused = save.error ?? error
  return (
    <>
      {refused && (
        <span className="bad small" role="alert">
          {sentence(messageOf(refused))}
        </span>
      )}
      {changed && saved.changeable && (
        <Button
          size="xs"
          loading={save.isPending}
          onClick={() =>
            save.mutate({
              id: saved.id,
              draft: draftOfView(saved.name, view, words, saved.audience),
            })
          }
        >
          Save the changes
        </Button>
      )}
      {changed && <SaveNew label="Save as another" />}
      <Button
        size="xs"
        variant="default"
        aria-pressed={isPinned}
        disabled={!isReady}
        leftSection={
          isPinned ? (
            <IconPinFilled size={14} aria-hidden="true" />
          ) : (
            <IconPin size={14} aria-hidden="true" />
          )
        }
        onClick={toggle}
      >
        {isPinned ? 'On my overview' : 'Pin to my overview'}
      </Button>
      <ViewMenu saved={saved} />
    </>
  )
}

/** Keeps what the page shows under a new name. */
function SaveNew({ label }: { label: string }) {
  const [view] = useView()
  const words = useTableWords()
  const [, setId] = useParam('view')
  // Who comes from elsewhere to keep a view finds the form open.
  const [asked, ask] = useParam('save')
  const [opened, setOpened] = useState(asked !== null)
  useEffect(() => {
    if (asked !== null) ask(null, { replace: true })
  }, [asked, ask])
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" trapFocus returnFocus>
      <Popover.Target>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconBookmark size={14} aria-hidden="true" />}
          onClick={() => setOpened((was) => !was)}
        >
          {label}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label={label}>
        {opened && (
          <SaveForm
            draft={draftOfView(viewWords(view).slice(0, 100), view, words)}
            renamed={null}
            done={(saved) => {
              setOpened(false)
              setId(saved.id, { replace: true })
            }}
          />
        )}
      </Popover.Dropdown>
    </Popover>
  )
}
