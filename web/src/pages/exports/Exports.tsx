import { Button, SegmentedControl, Select } from '@mantine/core'
import { IconDownload, IconPrinter } from '@tabler/icons-react'
import { type ReactNode, useState } from 'react'
import { eventsHref, focusHref, reportHref } from '@/api/exports'
import { useSession } from '@/api/session'
import { lastMonths } from '@/lib/months'
import { rangeLabel } from '@/lib/period'
import { Panel } from '@/ui/Panel'
import { useScene } from '@/view/useView'
import { FilterBar } from '@/widgets/FilterBar'
import classes from './Exports.module.css'
import { Schedules } from './Schedules'

/** Months that a report can be had of here; the address takes any. */
const MONTHS = 24

/** What can be taken away as a file: events, charges in the form of FOCUS, and the report of a month. */
export default function Exports() {
  const { range, tz, now } = useScene()
  const { role } = useSession()
  return (
    <div className={classes.page}>
      <p className="muted">
        Files of {rangeLabel(range, now, tz)}, as the period and the filters above say.
      </p>
      <FilterBar />
      <div className={classes.cards}>
        <EventsExport />
        <FocusExport />
        <MonthReport />
      </div>
      {role === 'admin' && <Schedules />}
    </div>
  )
}

interface ExportProps {
  title: string
  about: string
  children: ReactNode
}

function Export({ title, about, children }: ExportProps) {
  return (
    <Panel title={title}>
      <p className={`muted ${classes.about}`}>{about}</p>
      <div className={classes.form}>{children}</div>
    </Panel>
  )
}

function EventsExport() {
  const { view, range } = useScene()
  const [format, setFormat] = useState<'csv' | 'ndjson' | 'parquet'>('csv')
  return (
    <Export
      title="Events"
      about="Every event and what changed it, the newest first, with every digit."
    >
      <SegmentedControl
        size="xs"
        aria-label="Form of the events"
        value={format}
        onChange={(next) => setFormat(next as typeof format)}
        data={[
          { value: 'csv', label: 'CSV' },
          { value: 'ndjson', label: 'NDJSON' },
          { value: 'parquet', label: 'Parquet' },
        ]}
      />
      <Save href={eventsHref({ range, filters: view.filters, format })}>Save the events</Save>
    </Export>
  )
}

function FocusExport() {
  const { view, range, tz } = useScene()
  const [format, setFormat] = useState<'csv' | 'parquet'>('csv')
  const [version, setVersion] = useState<'1.2' | '1.4'>('1.4')
  const [granularity, setGranularity] = useState<'hour' | 'day'>('day')
  const asked = { range, tz, filters: view.filters, format, version, granularity }
  return (
    <Export
      title="Charges, as FOCUS has them"
      about="For tools that read cloud bills. The costs add up to the spend, exactly; what has no price is in no row."
    >
      <SegmentedControl
        size="xs"
        aria-label="Form of the charges"
        value={format}
        onChange={(next) => setFormat(next as typeof format)}
        data={[
          { value: 'csv', label: 'CSV' },
          { value: 'parquet', label: 'Parquet' },
        ]}
      />
      <SegmentedControl
        size="xs"
        aria-label="Version of FOCUS"
        value={version}
        onChange={(next) => setVersion(next as typeof version)}
        data={[
          { value: '1.4', label: 'FOCUS 1.4' },
          { value: '1.2', label: '1.2' },
        ]}
      />
      <SegmentedControl
        size="xs"
        aria-label="How wide the periods are"
        value={granularity}
        onChange={(next) => setGranularity(next as typeof granularity)}
        data={[
          { value: 'day', label: 'Daily' },
          { value: 'hour', label: 'Hourly' },
        ]}
      />
      <Save href={focusHref(asked)}>Save the charges</Save>
    </Export>
  )
}

function MonthReport() {
  const { tz, now } = useScene()
  const months = lastMonths(now, tz, MONTHS)
  const [month, setMonth] = useState(months[1]?.value ?? months[0]?.value ?? '')
  return (
    <Export
      title="The report of a month"
      about="What a month came to, what moved it and who used it: one page to print, or to keep as it is."
    >
      <Select
        size="xs"
        w={190}
        aria-label="Month of the report"
        allowDeselect={false}
        data={months}
        value={month}
        onChange={(next) => next && setMonth(next)}
      />
      <Button
        component="a"
        href={reportHref(month, tz)}
        target="_blank"
        rel="noopener"
        size="xs"
        leftSection={<IconPrinter size={15} aria-hidden="true" />}
      >
        Open the report
      </Button>
    </Export>
  )
}

function Save({ href, children }: { href: string; children: ReactNode }) {
  return (
    <Button
      component="a"
      href={href}
      download
      size="xs"
      leftSection={<IconDownload size={15} aria-hidden="true" />}
    >
      {children}
    </Button>
  )
}
