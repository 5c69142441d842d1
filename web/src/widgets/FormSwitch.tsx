import { SegmentedControl } from '@mantine/core'
import {
  IconChartBar,
  IconChartLine,
  IconLayoutGrid,
  IconTable,
  IconTrendingUp,
} from '@tabler/icons-react'
import type { Measure } from '@/lib/measures'
import { SHOWN_WORDS } from '@/lib/savedViews'
import type { Shown } from '@/lib/view'
import { useView } from '@/view/useView'
import classes from './SeriesFigures.module.css'
import { fittingForm } from './usePicture'

const ICONS: Record<Shown, typeof IconTable> = {
  chart: IconChartBar,
  line: IconChartLine,
  cumulative: IconTrendingUp,
  heat: IconLayoutGrid,
  table: IconTable,
}

/** The forms that a measure can have; the address keeps the choice. */
export function FormSwitch({ measure }: { measure: Measure }) {
  const [view, changeView] = useView()
  return (
    <SegmentedControl
      size="xs"
      aria-label="Show as"
      value={fittingForm(view.shown, measure)}
      onChange={(shown) => changeView({ shown: shown as Shown }, { replace: true })}
      data={(Object.keys(ICONS) as Shown[])
        .filter((shown) => fittingForm(shown, measure) === shown)
        .map((shown) => ({
          value: shown,
          label: <FormOption Icon={ICONS[shown]} name={SHOWN_WORDS[shown]} />,
        }))}
    />
  )
}

function FormOption({ Icon, name }: { Icon: typeof IconTable; name: string }) {
  return (
    <span className={classes.option} title={name}>
      <Icon size={15} aria-hidden="true" />
      <span className="visually-hidden">{name}</span>
    </span>
  )
}
