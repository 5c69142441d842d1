import { Button, Menu, Modal } from '@mantine/core'
import { IconDots } from '@tabler/icons-react'
import { useState } from 'react'
import { useLocation } from 'wouter'
import { type SavedView, useRemoveView } from '@/api/views'
import { draftOfView, linkOfSaved, tableWordsOf, viewOfSaved } from '@/lib/savedViews'
import { copyText } from '@/ui/CopyBlock'
import { Removal } from '@/ui/Removal'
import { useParam } from '@/view/useParam'
import { SaveForm } from '@/widgets/SaveForm'

/** What else can be done with a view: its link, its name and who sees it, and its end. */
export function ViewMenu({ saved }: { saved: SavedView }) {
  const [asks, setAsks] = useState<'name' | 'removal' | null>(null)
  const [copied, setCopied] = useState(false)
  const [, navigate] = useLocation()
  const [, setId] = useParam('view')
  const close = () => setAsks(null)
  const remove = useRemoveView((id) => {
    close()
    // Whoever has gone on meanwhile stays where they are.
    if (new URLSearchParams(window.location.search).get('view') === id) {
      setId(null, { replace: true })
    }
  })
  const draft = draftOfView(saved.name, viewOfSaved(saved), tableWordsOf(saved), saved.audience)
  return (
    <>
      <Menu position="bottom-end" width={230} onClose={() => setCopied(false)}>
        <Menu.Target>
          <Button size="xs" variant="default" px={8} aria-label={`More about ${saved.name}`}>
            <IconDots size={16} aria-hidden="true" />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            closeMenuOnClick={false}
            onClick={async () =>
              setCopied(await copyText(`${window.location.origin}/views/${saved.id}`))
            }
          >
            {copied ? 'Copied' : 'Copy the link'}
          </Menu.Item>
          <Menu.Item onClick={() => navigate(linkOfSaved(saved))}>
            Show it as it was saved
          </Menu.Item>
          {saved.changeable && (
            <>
              <Menu.Divider />
              <Menu.Item onClick={() => setAsks('name')}>Rename or share it</Menu.Item>
              <Menu.Item color="red" onClick={() => setAsks('removal')}>
                Remove it
              </Menu.Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
      <Modal
        opened={asks !== null}
        onClose={close}
        size="sm"
        title={asks === 'name' ? 'Rename or share the view' : 'Remove the view'}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {asks === 'name' && <SaveForm draft={draft} renamed={saved} done={close} />}
        {asks === 'removal' && (
          <Removal
            what="view"
            name={saved.name}
            consequence={
              saved.audience === 'all'
                ? 'It goes from everybody’s overview; the usage stays.'
                : 'It goes from your overview; the usage stays.'
            }
            error={remove.error}
            isPending={remove.isPending}
            remove={() => remove.mutate(saved.id)}
          />
        )}
      </Modal>
    </>
  )
}
