import { Kbd, Modal } from '@mantine/core'
import classes from './Shortcuts.module.css'

const KEYS: [string[], string][] = [
  [['/'], 'Search and jump'],
  [['g', 'o'], 'Overview'],
  [['g', 'e'], 'Explore'],
  [['g', 'i'], 'Insights'],
  [['g', 'r'], 'ROI'],
  [['g', 'b'], 'Budgets'],
  [['g', 'a'], 'Alerts'],
  [['g', 'p'], 'Prices'],
  [['g', 's'], 'Settings'],
  [['g', 'h'], 'System health'],
  [['c'], 'Compare with the period before'],
  [['t'], 'Dark or light'],
  [['↑', '↓'], 'Move in a table, in the chart with ← →'],
  [['Enter'], 'Open the row, zoom into the bar'],
  [['Esc'], 'Close, or zoom back out'],
  [['?'], 'These keys'],
]

export function Shortcuts({ opened, close }: { opened: boolean; close: () => void }) {
  return (
    <Modal
      opened={opened}
      onClose={close}
      title="Keys"
      size="sm"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <dl className={classes.keys}>
        {KEYS.map(([keys, what]) => (
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
