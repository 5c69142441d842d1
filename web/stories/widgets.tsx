import { Button } from '@mantine/core'
import { type ComponentType, useState } from 'react'
import { parseAmount } from '@/lib/amount'
import type { Attribute } from '@/lib/filters'
import { insightDays } from '@/lib/insights'
import { draftOfView } from '@/lib/savedViews'
import { DEFAULT_VIEW } from '@/lib/view'
import { useScene } from '@/view/useView'
import { AttributeSelect } from '@/widgets/AttributeSelect'
import { BalanceFigures } from '@/widgets/BalanceFigures'
import { ByPicker } from '@/widgets/ByPicker'
import { RowActs, TwoLines } from '@/widgets/Cells'
import { type Column, DataTable } from '@/widgets/DataTable'
import { EventDrawer } from '@/widgets/EventDrawer'
import { EventsPanel } from '@/widgets/EventsPanel'
import { EventTable } from '@/widgets/EventTable'
import { AddFilter, FilterBar } from '@/widgets/FilterBar'
import { FormSwitch } from '@/widgets/FormSwitch'
import { HoldsTable } from '@/widgets/HoldsTable'
import { InsightTable } from '@/widgets/InsightTable'
import { Legend, useShownSeries } from '@/widgets/Legend'
import { MarksList } from '@/widgets/MarksList'
import { MoreButton } from '@/widgets/MoreButton'
import { NameLink } from '@/widgets/NameLink'
import { NoUsage } from '@/widgets/NoUsage'
import { PanelMenu } from '@/widgets/PanelMenu'
import { PanelMenuLater } from '@/widgets/PanelMenuLater'
import { PictureView } from '@/widgets/PictureView'
import { Quantities } from '@/widgets/Quantities'
import { SaveForm } from '@/widgets/SaveForm'
import { ShareBar } from '@/widgets/ShareBar'
import { ShownSwitch } from '@/widgets/ShownSwitch'
import { SortHead } from '@/widgets/SortHead'
import { SpendDaysPanel } from '@/widgets/SpendDays'
import { StatusWord } from '@/widgets/StatusWord'
import { ColumnsButton, TableCsv } from '@/widgets/TableActions'
import { UnpricedNote } from '@/widgets/UnpricedNote'
import { UsageTable } from '@/widgets/UsageTable'
import type { SpendInsight, UsageEvent } from '@/wire'
import { BALANCES, BREAKDOWN, EVENTS, INSIGHT, NOW } from './answers'
import { MARKS, TABLE } from './charts'
import classes from './stories.module.css'

const nothing = () => undefined
const event = EVENTS[0] as unknown as UsageEvent

type Row = (typeof BREAKDOWN)['rows'][number]

const COLUMNS: Column<Row>[] = [
  {
    id: 'provider',
    title: 'Provider',
    isHeading: true,
    order: ({ provider }) => provider,
    text: ({ provider }) => provider,
    total: 'Total',
    cell: ({ provider, requests }) => (
      <TwoLines>
        <NameLink attribute="provider" name={provider} isRow />
        <span>{requests} requests</span>
      </TwoLines>
    ),
  },
  {
    id: 'share',
    title: 'Share',
    isWide: true,
    cell: ({ requests }) => <ShareBar share={Math.round(requests / 25)} colour="var(--accent)" />,
  },
  {
    id: 'spend',
    title: 'Spend',
    isFigure: true,
    order: ({ spend }) => parseAmount(spend),
    text: ({ spend }) => spend,
    total: '$211.87',
    cell: ({ spend }) => `$${Number(spend).toFixed(2)}`,
  },
  {
    id: 'acts',
    title: 'Act',
    hidesTitle: true,
    cell: () => (
      <RowActs>
        <Button size="compact-sm" variant="default">
          Set prices
        </Button>
      </RowActs>
    ),
  },
]

/** The widgets that several pages share. */
export const WIDGETS: Record<string, ComponentType> = {
  AttributeSelect: () => <AttributeSelect label="Attribute" value="provider" onChange={nothing} />,
  BalanceFigures: () => <BalanceFigures units={BALANCES} />,
  ByPicker: Picker,
  'DataTable, Cells, ShareBar, NameLink': () => (
    <DataTable
      label="Providers"
      rows={BREAKDOWN.rows}
      columns={COLUMNS}
      rowKey={(row) => row.provider}
    />
  ),
  EventDrawer: Opened,
  'EventTable, EventsPanel': () => <EventsPanel filters={[]} />,
  'EventTable, empty': () => (
    <EventTable
      label="Events"
      events={{ data: { pages: [] }, isError: false, hasNextPage: false } as never}
      empty="Pick a longer period."
    />
  ),
  FilterBar: () => (
    <div className={classes.row}>
      <FilterBar />
      <AddFilter />
    </div>
  ),
  FormSwitch: () => <FormSwitch measure="spend" />,
  HoldsTable: () => <HoldsTable account="northwind" />,
  'HoldsTable, empty': () => <HoldsTable account="nobody" />,
  InsightTable: () => (
    <InsightTable
      days={insightDays(INSIGHT as unknown as SpendInsight).slice(0, 5)}
      currency="USD"
      height={180}
    />
  ),
  Legend: Entries,
  MarksList: Happened,
  MoreButton: () => (
    <MoreButton query={{ hasNextPage: true, isFetchingNextPage: false, fetchNextPage: nothing }}>
      Older keys
    </MoreButton>
  ),
  NoUsage: () => <NoUsage title="No usage in these days">Pick a longer period.</NoUsage>,
  'PanelMenu, PanelMenuLater': () => (
    <div className={classes.row}>
      <PanelMenu title="spend" view={DEFAULT_VIEW} />
      <PanelMenuLater title="requests" view={DEFAULT_VIEW} />
    </div>
  ),
  PictureView: Drawn,
  Quantities: () => <Quantities event={event} />,
  SaveForm: () => (
    <SaveForm
      draft={draftOfView('Spend by model', DEFAULT_VIEW, { sort: null, columns: null })}
      renamed={null}
      done={nothing}
    />
  ),
  ShownSwitch: () => <ShownSwitch />,
  SortHead: () => (
    <table>
      <thead>
        <tr>
          {COLUMNS.slice(0, 3).map((column) => (
            <SortHead
              key={column.id}
              column={column}
              sort={{ column: 'spend', isReversed: false }}
              sample={BREAKDOWN.rows[0]}
              className=""
              onSort={nothing}
            />
          ))}
        </tr>
      </thead>
    </table>
  ),
  SpendDays: () => <SpendDaysPanel filters={[]} />,
  StatusWord: () => (
    <div className={classes.row}>
      <StatusWord status="ok" />
      <StatusWord status="error" />
    </div>
  ),
  TableActions: () => (
    <div className={classes.row}>
      <ColumnsButton columns={COLUMNS} />
      <TableCsv rows={BREAKDOWN.rows} columns={COLUMNS} file="outlay" label="Save it as CSV" />
    </div>
  ),
  UnpricedNote: () => <UnpricedNote />,
  UsageTable: () => (
    <UsageTable
      title="Breakdown"
      by={['provider']}
      filters={[]}
      measures={['spend', 'requests']}
      optional={['input_tokens']}
      narrows
    />
  ),
}

function Happened() {
  return <MarksList marks={MARKS} scene={useScene()} filters={[]} />
}

function Drawn() {
  const legend = useShownSeries(TABLE)
  const drawing = {
    previous: null,
    highlight: null,
    measure: 'spend',
    every: 'day',
    tz: 'UTC',
    now: NOW,
    currency: 'USD',
  }
  const current = { data: {}, isError: false }
  const picture = {
    current,
    hours: current,
    tooLong: null,
    form: 'chart',
    heat: null,
    table: TABLE,
    legend,
    drawing,
  }
  return <PictureView picture={picture as never} label="Daily spend by provider" height={200} />
}

function Picker() {
  const [by, setBy] = useState<Attribute[]>(['provider', 'model'])
  return <ByPicker by={by} onChange={setBy} />
}

function Entries() {
  const shown = useShownSeries(TABLE)
  return <Legend table={TABLE} {...shown} />
}

/** A press opens it: a drawer covers what is behind. */
function Opened() {
  const [isOpen, setOpen] = useState(false)
  return (
    <>
      <Button size="xs" variant="default" onClick={() => setOpen(true)}>
        Open the event
      </Button>
      <EventDrawer event={isOpen ? event : null} close={() => setOpen(false)} />
    </>
  )
}
