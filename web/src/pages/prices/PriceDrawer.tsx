import { Drawer } from '@mantine/core'
import type { Price } from '@/api/prices'
import {
  conditionsText,
  isValid,
  ownPrice,
  type PricedModel,
  saidPer,
  saidPrice,
} from '@/lib/pricelist'
import table from '@/ui/table.module.css'
import { useNow } from '@/ui/useNow'
import { NameLink } from '@/widgets/NameLink'
import classes from './Prices.module.css'

interface PriceDrawerProps {
  model: PricedModel<Price> | null
  close: () => void
}

/** Every row of a model's prices, with conditions and validity. */
export function PriceDrawer({ model, close }: PriceDrawerProps) {
  const now = useNow()
  return (
    <Drawer
      opened={model !== null}
      onClose={close}
      position="right"
      size={560}
      title={model && `Prices of ${model.model === '*' ? 'every model' : model.model}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {model && (
        <>
          <p className="muted">
            Sold by <NameLink attribute="provider" name={model.provider} onFollow={close} />, $ per
            million tokens where nothing else is said.
          </p>
          <PriceRows rows={model.rows} now={now} />
        </>
      )}
    </Drawer>
  )
}

function PriceRows({ rows, now }: { rows: Price[]; now: Date }) {
  return (
    <table className={classes.rows}>
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
