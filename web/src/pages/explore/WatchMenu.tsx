import { Button, Menu } from '@mantine/core'
import { IconBellPlus } from '@tabler/icons-react'
import { Link } from 'wouter'
import { useSession } from '@/api/session'
import { useSavedViews } from '@/api/views'
import { viewWords } from '@/lib/savedViews'
import { watchLink } from '@/lib/watch'
import { useParam } from '@/view/useParam'
import { useView } from '@/view/useView'

/** What is shown becomes a budget or a rule: the form opens with all of it that they can have. */
export function WatchMenu() {
  const [view] = useView()
  const { role } = useSession()
  const [id] = useParam('view')
  const views = useSavedViews()
  if (role !== 'admin') return null
  const name = views.data?.find((one) => one.id === id)?.name ?? viewWords(view)
  return (
    <Menu position="bottom-end" width={260}>
      <Menu.Target>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconBellPlus size={14} aria-hidden="true" />}
        >
          Watch
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item component={Link} href={watchLink('/budgets?edit=new', view, name)}>
          Make a budget of it
        </Menu.Item>
        <Menu.Item component={Link} href={watchLink('/alerts?rule=new', view, name)}>
          Make an alert rule of it
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
