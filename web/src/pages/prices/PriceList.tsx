import { Button, TextInput } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { Fragment, useDeferredValue, useMemo, useState } from 'react'
import type { Price } from '@/api/prices'
import { useSession } from '@/api/session'
import { useUsage } from '@/api/usage'
import { plural } from '@/lib/number'
import { rangeOf } from '@/lib/period'
import {
  byModel,
  conditionsText,
  isValid,
  ownPrice,
  type PricedModel,
  saidPer,
  saidPrice,
  search,
  type Used,
  usedKey,
} from '@/lib/pricelist'
import { moveWithArrows } from '@/ui/moveWithArrows'
import { Panel } from '@/ui/Panel'
import { Empty } from '@/ui/States'
import table from '@/ui/table.module.css'
import { useNow } from '@/ui/useNow'
import classes from './Prices.module.css'

const SHOWN_FIRST = 60
const MODELS_IN_USE_MAX = 200

/** The meters that have a column of their own; the others are in the opened row. */
const COLUMNS = [
  ['input_tokens', 'Input'],
  ['output_tokens', 'Output'],
  ['cache_read_tokens', 'Cached input'],
] as const

/** One line a model; opened, every row of its prices with conditions and validity. */
export function PriceList({ prices }: { prices: Price[] }) {
  const now = useNow()
  const [text, setText] = useState('')
  const [shown, setShown] = useState(SHOWN_FIRST)
  const [opened, setOpened] = useState<string | null>(null)
  const sought = useDeferredValue(text)
  const models = useMemo(() => byModel(prices, now), [prices, now])
  const used = useModelsInUse(now)
  const found = useMemo(() => search(models, sought, used), [models, sought, used])
  return (
    <Panel
      title="Price list"
      note={`${plural(found.length, 'model')}, $ per million tokens`}
      flush
      actions={
        <TextInput
          size="xs"
          w={220}
          type="search"
          aria-label="Find a model or a provider"
          placeholder="Find a model or a provider"
          leftSection={<IconSearch size={14} aria-hidden="true" />}
          value={text}
          onChange={(event) => {
            setText(event.currentTarget.value)
            setShown(SHOWN_FIRST)
          }}
        />
      }
    >
      {found.length === 0 ? (
        <Empty title={text ? `No price for “${text}”` : 'No prices yet'}>
          {!text && 'Import a price file with `outlay prices import`.'}
        </Empty>
      ) : (
        <table className={`${table.table} ${classes.models}`} onKeyDown={moveWithArrows}>
          <thead>
            <tr>
              <th scope="col">Model</th>
              <th scope="col" className={classes.wide}>
                Provider
              </th>
              {COLUMNS.map(([meter, label]) => (
                <th
                  key={meter}
                  scope="col"
                  className={`${table.right} ${meter === 'cache_read_tokens' ? classes.wide : ''}`}
                >
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {found.slice(0, shown).map((model) => (
              <ModelRows
                key={model.key}
                model={model}
                now={now}
                opened={opened === model.key}
                toggle={() => setOpened((was) => (was === model.key ? null : model.key))}
              />
            ))}
          </tbody>
        </table>
      )}
      {found.length > shown && (
        <div className={classes.more}>
          <Button size="xs" variant="default" onClick={() => setShown(shown + 200)}>
            Show more of {plural(found.length, 'model')}
          </Button>
        </div>
      )}
    </Panel>
  )
}

/** How often each model was used lately, so that those in use stand first. */
function useModelsInUse(now: Date): Used {
  const { time_zone } = useSession()
  const tz = time_zone || 'UTC'
  const range = useMemo(() => rangeOf({ kind: 'preset', preset: '30d' }, now, tz), [now, tz])
  const usage = useUsage('breakdown', {
    range,
    tz,
    by: ['provider', 'model'],
    measures: ['requests'],
    top: MODELS_IN_USE_MAX,
  })
  return useMemo(() => {
    const rows = (usage.data?.rows ?? []).filter(({ isOther }) => !isOther)
    return new Map(
      rows.map(({ names: [provider = '', model = ''], readings }) => [
        usedKey(provider, model),
        Number(readings.requests ?? 0),
      ]),
    )
  }, [usage.data])
}

interface ModelRowsProps {
  model: PricedModel<Price>
  now: Date
  opened: boolean
  toggle: () => void
}

function ModelRows({ model, now, opened, toggle }: ModelRowsProps) {
  return (
    <Fragment>
      <tr className={table.opens} onClick={toggle}>
        <td className={classes.model}>
          <button
            type="button"
            data-row
            className={table.rowButton}
            aria-expanded={opened}
            onClick={(event) => {
              event.stopPropagation()
              toggle()
            }}
          >
            {model.model === '*' ? 'every model' : model.model}
          </button>
          <span className={`${classes.narrow} muted small`}>{model.provider}</span>
        </td>
        <td className={`${classes.provider} ${classes.wide}`}>{model.provider}</td>
        {COLUMNS.map(([meter]) => (
          <td
            key={meter}
            className={`${table.right} ${meter === 'cache_read_tokens' ? classes.wide : ''}`}
          >
            <PlainPrice price={model.plain.get(meter)} />
          </td>
        ))}
      </tr>
      {opened && (
        <tr className={classes.rows}>
          <td colSpan={2 + COLUMNS.length}>
            <PriceRows rows={model.rows} now={now} />
          </td>
        </tr>
      )}
    </Fragment>
  )
}

function PlainPrice({ price }: { price: Price | undefined }) {
  if (!price) return <span className="muted">–</span>
  return <>{saidPrice(price) ?? ownPrice(price)}</>
}

function PriceRows({ rows, now }: { rows: Price[]; now: Date }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Meter</th>
          <th scope="col" className={table.right}>
            Price
          </th>
          <th scope="col">When</th>
          <th scope="col">Valid</th>
          <th scope="col" className={classes.wide}>
            Source
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.id} className={isValid(row, now) ? undefined : classes.old} title={row.id}>
            <td>{row.meter.replaceAll('_', ' ')}</td>
            <td className={table.right}>{priceText(row)}</td>
            <td>{conditionsText(row.conditions) || 'always'}</td>
            <td>{validText(row)}</td>
            <td className={classes.wide}>{row.source}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function priceText(row: Price): string {
  if (row.meter === 'factor') return `×${row.price}`
  const said = saidPrice(row)
  if (said === null) return ownPrice(row)
  return saidPer(row.meter) === 1n ? said : `${said} per M`
}

function validText({ valid_from, valid_to }: Price): string {
  if (!valid_from && !valid_to) return 'always'
  if (!valid_to) return `since ${valid_from?.slice(0, 10)}`
  return `${valid_from?.slice(0, 10) ?? ''} – ${valid_to.slice(0, 10)}`
}
