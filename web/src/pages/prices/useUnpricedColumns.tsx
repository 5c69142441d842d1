import { Button } from '@mantine/core'
import { useMemo } from 'react'
import { formatCount, formatCountExactly, quantityNumber } from '@/lib/number'
import { metersOf, type Unpriced } from '@/lib/remedy'
import { formatMoment } from '@/lib/time'
import { RowActs } from '@/widgets/Cells'
import type { Column } from '@/widgets/DataTable'
import { NameLink } from '@/widgets/NameLink'
import classes from './Prices.module.css'

/** The columns of a table of what has no price; `setPrices` only for those who may. */
export function useUnpricedColumns(
  tz: string,
  setPrices?: (one: Unpriced) => void,
): Column<Unpriced>[] {
  return useMemo(() => {
    const columns: Column<Unpriced>[] = [
      {
        id: 'model',
        title: 'Model',
        isHeading: true,
        className: classes.model,
        order: ({ model }) => model,
        text: ({ model }) => model,
        cell: (one) => (
          <>
            {one.model ? <NameLink attribute="model" name={one.model} isRow /> : 'no model'}{' '}
            {one.provider ? (
              <NameLink attribute="provider" name={one.provider} />
            ) : (
              one.service && <NameLink attribute="service" name={one.service} />
            )}
          </>
        ),
      },
      {
        id: 'meters',
        title: 'Without a price',
        isWide: true,
        text: metersText,
        cell: metersText,
      },
      {
        id: 'events',
        title: 'Events',
        isFigure: true,
        order: ({ events }) => events,
        text: ({ events }) => events,
        hint: eventsText,
        cell: ({ events }) => formatCount(events),
      },
      {
        id: 'first',
        title: 'First',
        isWide: true,
        order: ({ first_at }) => Date.parse(first_at),
        text: ({ first_at }) => first_at,
        cell: ({ first_at }) => formatMoment(new Date(first_at), tz),
      },
    ]
    if (!setPrices) return columns
    return [
      ...columns,
      {
        id: 'remedy',
        title: 'Remedy',
        hidesTitle: true,
        cell: (one) => (
          <RowActs>
            <Button
              size="compact-sm"
              variant="default"
              aria-label={`Set prices for ${one.model ?? one.provider ?? 'it'}`}
              onClick={() => setPrices(one)}
            >
              Set prices
            </Button>
          </RowActs>
        ),
      },
    ]
  }, [tz, setPrices])
}

function metersText(one: Unpriced): string {
  const used = (meter: string) => formatCount(quantityNumber(one.meters[meter]))
  return metersOf(one)
    .map((meter) => `${used(meter)} ${meter.replaceAll('_', ' ')}`)
    .join(', ')
}

function eventsText({ events, partly_priced }: Unpriced): string {
  const all = formatCountExactly(events)
  return partly_priced > 0
    ? `${all}, of ${formatCountExactly(partly_priced)} a part is charged`
    : all
}
