import { TextInput } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useCallback, useDeferredValue, useMemo } from 'react'
import type { Price } from '@/api/prices'
import { useSession } from '@/api/session'
import { useUsage } from '@/api/usage'
import { plural } from '@/lib/number'
import { rangeOf } from '@/lib/period'
import { byModel, type PricedModel, search, type Used, usedKey } from '@/lib/pricelist'
import { Panel } from '@/ui/Panel'
import { Empty } from '@/ui/States'
import { useNow } from '@/ui/useNow'
import { useParam } from '@/view/useParam'
import { DataTable } from '@/widgets/DataTable'
import { TableCsv } from '@/widgets/TableActions'
import { PriceDrawer } from './PriceDrawer'
import { usePriceColumns } from './usePriceColumns'

const MODELS_IN_USE_MAX = 200
const MINUTE_MS = 60_000

/** One line a model; opened, every row of its prices with conditions and validity. */
export function PriceList({ prices }: { prices: Price[] }) {
  const now = useNow()
  const [asked, find] = useParam('find')
  const [opened, open] = useParam('of')
  const text = asked ?? ''
  const sought = useDeferredValue(text)
  const models = useMemo(() => gathered(prices, now), [prices, now])
  const used = useModelsInUse(now)
  const found = useMemo(() => search(models, sought, used), [models, sought, used])
  const show = useCallback(
    (model: PricedModel<Price>) => open(model.key.replace('\n', '/')),
    [open],
  )
  const columns = usePriceColumns(show)
  const shown = models.find(({ key }) => key.replace('\n', '/') === opened)
  return (
    <Panel
      title="Price list"
      note={`${plural(found.length, 'model')}, $ per million tokens`}
      flush
      actions={
        <>
          <TextInput
            size="xs"
            w={220}
            type="search"
            aria-label="Find a model or a provider"
            placeholder="Find a model or a provider"
            leftSection={<IconSearch size={14} aria-hidden="true" />}
            value={text}
            onChange={(event) => find(event.currentTarget.value || null, { replace: true })}
          />
          {found.length > 0 && (
            <TableCsv
              rows={found}
              columns={columns}
              file="outlay-prices"
              label="Save the prices as CSV"
            />
          )}
        </>
      }
    >
      {found.length === 0 ? (
        <NoPrices text={text} />
      ) : (
        <DataTable
          label="Price list"
          rows={found}
          columns={columns}
          rowKey={({ key }) => key}
          open={show}
        />
      )}
      <PriceDrawer model={shown ?? null} close={() => open(null, { replace: true })} />
    </Panel>
  )
}

/** Models that were gathered before: thousands take a while, and people come back to the page. */
const known = new WeakMap<Price[], { now: Date; models: PricedModel<Price>[] }>()

function gathered(prices: Price[], now: Date): PricedModel<Price>[] {
  const last = known.get(prices)
  if (last && now.getTime() - last.now.getTime() < MINUTE_MS) return last.models
  const models = byModel(prices, now)
  known.set(prices, { now, models })
  return models
}

function NoPrices({ text }: { text: string }) {
  const { role } = useSession()
  if (text) return <Empty title={`No price for “${text}”`} />
  return (
    <Empty title="No prices yet">
      <p>
        {role === 'admin'
          ? 'What is used without a price is listed above, with a form for its prices.'
          : 'An admin can set prices.'}
      </p>
    </Empty>
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
