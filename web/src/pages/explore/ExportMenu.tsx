import { Button, Menu } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import { useState } from 'react'
import { useSession } from '@/api/session'
import { csvHref, questionHref } from '@/api/usage'
import { heatColour } from '@/charts/heatSheet'
import { type LegendEntry, type PngWords, paintPng, saveFile } from '@/charts/png'
import { slotVariable } from '@/lib/colour'
import { questionCommand } from '@/lib/commands'
import { csvName } from '@/lib/csv'
import { HEAT_STEPS } from '@/lib/heat'
import { formatReading, MEASURES } from '@/lib/measures'
import { periodLabel, rangeLabel } from '@/lib/period'
import { filterWords } from '@/lib/savedViews'
import { sqlOf } from '@/lib/viewSql'
import { copyText } from '@/ui/CopyBlock'
import { messageOf, sentence } from '@/ui/States'
import type { Scene } from '@/view/useView'
import type { Picture } from '@/widgets/usePicture'

interface ExportMenuProps {
  picture: Picture
  scene: Scene
  title: string
}

/** What is shown as a file of figures, as a picture, or as the question to the API. */
export function ExportMenu({ picture, scene, title }: ExportMenuProps) {
  const { role } = useSession()
  const [said, setSaid] = useState<string | null>(null)
  const { form, hours, current } = picture
  const answer = form === 'heat' ? hours.data : current.data
  if (!answer) return null
  const { range, tz, view } = scene
  const every = form === 'heat' ? 'hour' : picture.every
  const by = form === 'heat' ? [] : view.by
  const name = csvName(
    [view.measure, 'by', ...(by.length > 0 ? [...by, 'and'] : []), every],
    range,
    tz,
  )
  const { measure, filters } = view
  const sql = role === 'admin' ? sqlOf({ measure, by: view.by, filters, range }) : null
  const savePng = async () => {
    try {
      saveFile(await paintPng(pngWords(picture, scene, title), picture.layOutIn), `${name}.png`)
      setSaid(null)
    } catch (error) {
      setSaid(sentence(messageOf(error)))
    }
  }
  const copyQuery = async () => {
    const address = new URL(questionHref('series', answer.question), window.location.origin).href
    setSaid((await copyText(questionCommand(address))) ? 'Copied, with KEY for a key' : null)
  }
  return (
    <Menu position="bottom-end" width={250} onClose={() => setSaid(null)}>
      <Menu.Target>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconDownload size={14} aria-hidden="true" />}
        >
          Export
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item
          component="a"
          href={csvHref('series', answer.question)}
          download={`${name}.csv`}
          aria-label="Save the series as CSV"
        >
          Figures, as CSV
        </Menu.Item>
        {form !== 'table' && (
          <Menu.Item closeMenuOnClick={false} onClick={savePng}>
            Picture, as PNG
          </Menu.Item>
        )}
        <Menu.Item closeMenuOnClick={false} onClick={copyQuery}>
          Copy the query, for curl
        </Menu.Item>
        {sql !== null && (
          <Menu.Item
            closeMenuOnClick={false}
            onClick={async () =>
              setSaid((await copyText(sql)) ? 'Copied, for the page of SQL' : null)
            }
          >
            Copy the query, as SQL
          </Menu.Item>
        )}
        {said && (
          <Menu.Label role="status" c="var(--ink-1)">
            {said}
          </Menu.Label>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}

/** What a picture needs around it to be read alone. */
function pngWords(picture: Picture, scene: Scene, title: string): PngWords {
  const { form, legend, drawing, current, lineLabel } = picture
  const { view, range, tz, now, currency } = scene
  const { measure } = drawing
  const total = formatReading(measure, current.data?.total[measure], currency)
  const days = rangeLabel(range, now, tz)
  const period = periodLabel(view.period, now, tz)
  const note = [
    period === days ? days : `${period}: ${days}`,
    `days of ${tz}`,
    filterWords(view.filters),
    `${total} in all`,
  ]
  const series = (legend.shown?.series ?? []).map(({ label, slot }) => ({
    label,
    colour: slotVariable(slot),
  }))
  const lines: LegendEntry[] = [
    ...(picture.hasTotal
      ? [{ label: 'Total', colour: 'var(--ink-1)', line: 'solid' as const }]
      : []),
    ...(drawing.previous
      ? [{ label: lineLabel, colour: 'var(--ink-1)', line: 'dashed' as const }]
      : []),
  ]
  const steps = [
    { label: `${MEASURES[measure].label} in an average hour: none`, colour: heatColour(0) },
    { label: 'least', colour: heatColour(1) },
    { label: 'most', colour: heatColour(HEAT_STEPS) },
  ]
  return {
    title,
    note: note.filter(Boolean).join(' · '),
    legend: form === 'heat' ? steps : [...series, ...lines],
  }
}
