import { Button } from '@mantine/core'
import { useMemo } from 'react'
import type { Price } from '@/api/prices'
import { plural } from '@/lib/number'
import { ownPrice, type PricedModel, priceOrder, saidPrice } from '@/lib/pricelist'
import { RowActs } from '@/widgets/Cells'
import type { Column } from '@/widgets/DataTable'
import { NameLink } from '@/widgets/NameLink'
import classes from './Prices.module.css'

type Model = PricedModel<Price>

/** The meters that have a column of their own; the others are with all that is known of a model. */
const METERS = [
  ['input_tokens', 'Input'],
  ['output_tokens', 'Output'],
  ['cache_read_tokens', 'Cached input'],
] as const

/** The columns of a table of models with what they cost; `show` opens all that is known of one. */
export function usePriceColumns(show: (model: Model) => void): Column<Model>[] {
  return useMemo(
    () => [
      {
        id: 'model',
        title: 'Model',
        isHeading: true,
        className: classes.model,
        order: ({ model }) => model,
        text: ({ model }) => model,
        cell: ({ model, provider }) => (
          <>
            {model === '*' ? 'every model' : <NameLink attribute="model" name={model} isRow />}
            <span className={`${classes.narrow} muted small`}>{provider}</span>
          </>
        ),
      },
      {
        id: 'provider',
        title: 'Provider',
        isWide: true,
        className: classes.provider,
        order: ({ provider }) => provider,
        text: ({ provider }) => provider,
        cell: ({ provider }) => <NameLink attribute="provider" name={provider} />,
      },
      ...METERS.map(
        ([meter, title]): Column<Model> => ({
          id: meter,
          title,
          isFigure: true,
          isWide: meter === 'cache_read_tokens',
          order: ({ plain }) => priceOrder(plain.get(meter)),
          text: ({ plain }) => priceText(plain.get(meter)),
          cell: ({ plain }) => priceText(plain.get(meter)) ?? <span className="muted">–</span>,
        }),
      ),
      {
        id: 'rows',
        title: 'All rows',
        hidesTitle: true,
        cell: (model) => (
          <RowActs>
            <Button
              size="compact-sm"
              variant="subtle"
              color="gray"
              aria-label={`${plural(model.rows.length, 'row')} of ${model.model === '*' ? model.provider : model.model}`}
              onClick={(event) => {
                event.stopPropagation()
                show(model)
              }}
            >
              {plural(model.rows.length, 'row')}
            </Button>
          </RowActs>
        ),
      },
    ],
    [show],
  )
}

function priceText(price: Price | undefined): string | null {
  return price ? (saidPrice(price) ?? ownPrice(price)) : null
}
