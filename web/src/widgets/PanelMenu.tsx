import { ActionIcon, Menu, Modal } from '@mantine/core'
import { IconDots } from '@tabler/icons-react'
import { useState } from 'react'
import { Link } from 'wouter'
import { useSession } from '@/api/session'
import type { SavedView } from '@/api/views'
import { draftOfView, linkOfSaved, type TableWords, viewWords } from '@/lib/savedViews'
import type { View } from '@/lib/view'
import { watchLink } from '@/lib/watch'
import { linkTo } from '@/view/useView'
import { SaveForm } from './SaveForm'

export interface PanelMenuProps {
  /** What the panel is called, at the head of its name for those who are read to. */
  title: string
  /** What it shows, as Explore would show it. */
  view: View
  words?: TableWords
}

const NO_WORDS: TableWords = { sort: null, columns: null }
/** A view's name has so many characters, at most. */
const NAME_MAX = 100

/** What can be done with what a panel shows: it is kept as a view, opened in Explore, or watched. */
export function PanelMenu({ title, view, words = NO_WORDS }: PanelMenuProps) {
  const { role } = useSession()
  const [isKeeping, keep] = useState(false)
  const name = viewWords(view).slice(0, NAME_MAX)
  return (
    <>
      <Menu position="bottom-end" width={230}>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={`More about ${title}`}>
            <IconDots size={16} aria-hidden="true" />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => keep(true)}>Keep it as a view</Menu.Item>
          <Menu.Item component={Link} href={linkTo('/explore', view)}>
            Open it in Explore
          </Menu.Item>
          {role === 'admin' && (
            <>
              <Menu.Divider />
              <Menu.Item component={Link} href={watchLink('/budgets?edit=new', view, name)}>
                Make a budget of it
              </Menu.Item>
              <Menu.Item component={Link} href={watchLink('/alerts?rule=new', view, name)}>
                Make an alert rule of it
              </Menu.Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
      <Modal
        opened={isKeeping}
        onClose={() => keep(false)}
        size="sm"
        title="Keep it as a view"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {isKeeping && <Keeping draft={draftOfView(name, view, words)} />}
      </Modal>
    </>
  )
}

/** The form, and once it is kept where it is. */
function Keeping({ draft }: { draft: ReturnType<typeof draftOfView> }) {
  const [saved, done] = useState<SavedView | null>(null)
  if (!saved) return <SaveForm draft={draft} renamed={null} done={done} />
  return (
    <p role="status">
      <strong>{saved.name}</strong> is kept. <Link href={linkOfSaved(saved)}>Open it</Link>, or find
      it among <Link href="/views">all views</Link>.
    </p>
  )
}
