import { Select } from '@mantine/core'
import { attributeLabel } from '@/lib/filters'
import { formatReading, MEASURES, type Measure } from '@/lib/measures'
import { periodLabel, previousLabel } from '@/lib/period'
import { SHOWN_WORDS } from '@/lib/savedViews'
import type { Every } from '@/lib/time'
import { Change, Figure } from '@/ui/Figures'
import { Panel } from '@/ui/Panel'
import { Bone } from '@/ui/States'
import { useScene, useView } from '@/view/useView'
import { useDrill, useZoom } from '@/view/useZoom'
import { ByPicker } from '@/widgets/ByPicker'
import { FilterBar } from '@/widgets/FilterBar'
import { FormSwitch } from '@/widgets/FormSwitch'
import { MarksList } from '@/widgets/MarksList'
import { PictureView } from '@/widgets/PictureView'
import figures from '@/widgets/SeriesFigures.module.css'
import { EVERY_LABELS } from '@/widgets/ShownSwitch'
import { useMarks } from '@/widgets/useMarks'
import { usePicture } from '@/widgets/usePicture'
import classes from './Explore.module.css'
import { ExportMenu } from './ExportMenu'
import { PivotPanel } from './PivotPanel'
import { ViewBar } from './ViewBar'
import { WatchMenu } from './WatchMenu'

const HEIGHT = 360

/** Any measure, by anything, over any time: the pivot of everything. The URL holds all of it. */
export default function Explore() {
  const [view, changeView] = useView()
  const scene = useScene()
  const { tz, now, currency } = scene
  const { measure, by } = view
  const picture = usePicture(scene, measure, by, view.shown)
  const { current, previous, base, every, possible, lineLabel, form, hasTotal } = picture
  const marks = useMarks({
    scene,
    filters: view.filters,
    measure,
    enabled: current.data !== undefined,
  })
  const zoom = useZoom()
  const drill = useDrill(by, zoom)
  const total = current.data?.total[measure]
  const period = periodLabel(view.period, now, tz)
  const what = MEASURES[measure].label
  const byText =
    by.length > 0 && form !== 'heat'
      ? ` by ${by.map((one) => attributeLabel(one).toLowerCase()).join(', ')}`
      : ''
  const drawn =
    form === 'chart' || form === 'table'
      ? EVERY_LABELS[every]
      : `${SHOWN_WORDS[form]} of ${EVERY_LABELS[form === 'heat' ? 'hour' : every].toLowerCase()}`
  const label = `${drawn} ${what.toLowerCase()}${byText}, ${period}: ${formatReading(measure, total, currency)}`
  const title = `${what}, ${period.charAt(0).toLowerCase()}${period.slice(1)}`

  return (
    <div className={classes.page}>
      <ViewBar
        actions={
          <>
            <WatchMenu />
            <ExportMenu picture={picture} scene={scene} title={`${what}${byText}`} />
          </>
        }
      />
      <div className={classes.tools}>
        <Select
          size="sm"
          w={232}
          label="Measure"
          searchable
          allowDeselect={false}
          value={measure}
          data={Object.entries(MEASURES).map(([value, { label }]) => ({ value, label }))}
          onChange={(value) =>
            value && changeView({ measure: value as Measure }, { replace: true })
          }
        />
        <ByPicker by={by} onChange={(next) => changeView({ by: next }, { replace: true })} />
        <Select
          size="sm"
          w={120}
          label="Every"
          allowDeselect={false}
          disabled={form === 'heat'}
          value={form === 'heat' ? 'hour' : every}
          data={(form === 'heat' ? (['hour'] as Every[]) : possible).map((value) => ({
            value,
            label: EVERY_LABELS[value],
          }))}
          onChange={(value) => changeView({ every: value as Every }, { replace: true })}
        />
      </div>
      <FilterBar />
      <Panel title={title} actions={<FormSwitch measure={measure} />}>
        <div className={figures.figures}>
          <span className={figures.total} data-testid="explore-total">
            {current.data ? (
              <Figure measure={measure} value={total} currency={currency} />
            ) : (
              <Bone width={110} height={22} />
            )}
          </span>
          {view.compare && current.data && (
            <Change
              measure={measure}
              now={total}
              base={base}
              against={previousLabel(view.period, now, tz)}
              currency={currency}
            />
          )}
          {hasTotal && (
            <span className={figures.legend}>
              <span className={figures.line} aria-hidden="true" />
              Total
            </span>
          )}
          {previous && form !== 'table' && form !== 'heat' && (
            <span className={figures.legend} data-after={hasTotal || undefined}>
              <span className={figures.dash} aria-hidden="true" />
              {lineLabel}
            </span>
          )}
        </div>
        <PictureView
          picture={picture}
          label={label}
          height={HEIGHT}
          onZoom={zoom}
          onPick={drill}
          marks={marks}
        />
        <MarksList
          marks={marks}
          scene={scene}
          filters={view.filters}
          isDrawn={form !== 'heat' && form !== 'table'}
        />
      </Panel>
      <PivotPanel />
    </div>
  )
}
