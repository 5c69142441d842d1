import { Kbd, Modal } from '@mantine/core'
import { useSession } from '@/api/session'
import { pagesFor, titleFor } from '@/registry'
import classes from './Shortcuts.module.css'

/** The keys that are no page's. */
const KEYS: [string[], string][] = [
  [['/'], 'Search and act'],
  [['c'], 'Compare with the period before'],
  [['t'], 'Dark or light'],
  [['↑', '↓'], 'Move in a table, in the chart with ← →'],
  [['Enter'], 'Open the row, zoom into the bar'],
  [['Esc'], 'Close, or zoom back out'],
  [['?'], 'These keys'],
]

export function Shortcuts({ opened, close }: { opened: boolean; close: () => void }) {
  const session = useSession()
  const pages = pagesFor(session).flatMap((page): [string[], string][] =>
    page.key ? [[['g', page.key], titleFor(page, session)]] : [],
  )
  return (
    <Modal
      opened={opened}
      onClose={close}
      title="Keys"
      size="sm"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <dl className={classes.keys}>
        {[...KEYS, ...pages].map(([keys, what]) => (
          <div key={what} className={classes.row}>
            <dt>
              {keys.map((key) => (
                <Kbd key={key} size="sm">
                  {key}
                </Kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  )
}
