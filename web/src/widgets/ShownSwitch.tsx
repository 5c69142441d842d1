import { SegmentedControl } from '@mantine/core'
import { IconChartBar, IconTable } from '@tabler/icons-react'
import type { Every } from '@/lib/time'
import { useView } from '@/view/useView'
import classes from './SeriesFigures.module.css'

export const EVERY_LABELS: Record<Every, string> = {
  hour: 'Hourly',
  day: 'Daily',
  week: 'Weekly',
  month: 'Monthly',
}

/** Chart or table: the same figures either way. */
export function ShownSwitch() {
  const [view, changeView] = useView()
  return (
    <SegmentedControl
      size="xs"
      aria-label="Show as"
      value={view.shown}
      onChange={(shown) => changeView({ shown: shown as 'chart' | 'table' }, { replace: true })}
      data={[
        { value: 'chart', label: <IconOption Icon={IconChartBar} name="Chart" /> },
        { value: 'table', label: <IconOption Icon={IconTable} name="Table" /> },
      ]}
    />
  )
}

function IconOption({ Icon, name }: { Icon: typeof IconTable; name: string }) {
  return (
    <span className={classes.option} title={name}>
      <Icon size={15} aria-hidden="true" />
      <span className="visually-hidden">{name}</span>
    </span>
  )
}
