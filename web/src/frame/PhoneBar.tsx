import { Drawer } from '@mantine/core'
import { IconDots } from '@tabler/icons-react'
import { useState } from 'react'
import { useSession } from '@/api/session'
import { pagesFor } from '@/registry'
import classes from './PhoneBar.module.css'
import { PageGroups, PageLink } from './Rail'

/** The bar at the foot of a phone: the pages looked at most, and the way to all others. */
export function PhoneBar() {
  const session = useSession()
  const [opened, setOpened] = useState(false)
  const pages = pagesFor(session).filter(({ isOnPhone }) => isOnPhone)
  const ordered = pages.toSorted(
    (a, b) => Number(a.path === '/budgets') - Number(b.path === '/budgets'),
  )
  return (
    <nav className={classes.bar} aria-label="Pages">
      <ul>
        {ordered.map((page) => (
          <li key={page.path}>
            <PageLink page={page} className={classes.link} />
          </li>
        ))}
        <li>
          <button type="button" className={classes.link} onClick={() => setOpened(true)}>
            <IconDots size={18} stroke={1.7} aria-hidden="true" />
            <span>More</span>
          </button>
        </li>
      </ul>
      <Drawer
        opened={opened}
        onClose={() => setOpened(false)}
        position="bottom"
        size="auto"
        title="All pages"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <PageGroups onFollow={() => setOpened(false)} />
      </Drawer>
    </nav>
  )
}
