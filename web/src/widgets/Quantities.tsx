import { type UsageEvent, useChargeLines } from '@/api/usage'
import { formatAmountExactly, parseAmount } from '@/lib/amount'
import { explains, roundedAmount, unitPriceWords } from '@/lib/lines'
import { formatCountExactly, quantityNumber } from '@/lib/number'
import { useScene } from '@/view/useView'
import classes from './EventDrawer.module.css'

/** How much was used, and where the prices are known, what each of it cost. */
export function Quantities({ event }: { event: UsageEvent }) {
  const { currency } = useScene()
  const { data } = useChargeLines(event)
  const amount = event.amount === null ? null : parseAmount(event.amount)
  const lines = data && amount !== null && explains(data, amount) ? data : []
  const charged = new Map(lines.map((line) => [line.meter, line]))
  return (
    <div>
      <h3 className={classes.heading}>Quantities</h3>
      <table className={classes.quantities}>
        <tbody>
          {Object.entries(event.quantities).map(([meter, quantity]) => {
            const line = charged.get(meter)
            return (
              <tr key={meter}>
                <th scope="row">{meter.replaceAll('_', ' ')}</th>
                <td>
                  {formatCountExactly(quantityNumber(quantity))}
                  {line && (
                    <span className={classes.price}> × {unitPriceWords(line, currency)}</span>
                  )}
                </td>
                {lines.length > 0 && (
                  <td title={line && `${line.amount}, price ${line.unit_price} for one`}>
                    {line ? formatAmountExactly(roundedAmount(line.amount), currency) : '–'}
                  </td>
                )}
              </tr>
            )
          })}
        </tbody>
        {lines.length > 1 && amount !== null && (
          <tfoot>
            <tr>
              <th scope="row" colSpan={2}>
                Amount
              </th>
              <td>{formatAmountExactly(amount, currency)}</td>
            </tr>
          </tfoot>
        )}
      </table>
    </div>
  )
}
