import { Autocomplete } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { keys } from '@/api/keys'
import { fetchQuote, type Price, type Quote } from '@/api/prices'
import { useSession } from '@/api/session'
import {
  exactPrecisionOf,
  formatAmount,
  formatAmountAt,
  formatAmountExactly,
  parseAmount,
} from '@/lib/amount'
import { formatCountExactly, quantityNumber, readNumber } from '@/lib/number'
import { NumberField } from '@/ui/NumberField'
import { Panel } from '@/ui/Panel'
import { messageOf, sentence } from '@/ui/States'
import classes from './Prices.module.css'

const USUAL_METERS = ['input_tokens', 'output_tokens']
const METERS_MAX = 6

/** What a call would cost, as people type. */
export function QuotePanel({ prices }: { prices: Price[] }) {
  const { currency } = useSession()
  const [provider, setProvider] = useState('openai')
  const [model, setModel] = useState('gpt-4o-mini')
  const [quantities, setQuantities] = useState<Record<string, string>>({
    input_tokens: '1000',
    output_tokens: '500',
  })
  const providers = useMemo(
    () => [...new Set(prices.map((price) => price.provider))].sort(),
    [prices],
  )
  const models = useMemo(() => modelsOf(prices, provider), [prices, provider])
  const meters = useMemo(() => metersOf(prices, provider, model), [prices, provider, model])
  const asked = Object.fromEntries(
    meters
      .map((meter) => [meter, quantityOf(quantities[meter])])
      .filter(([, quantity]) => quantity !== 0),
  )
  const [request] = useDebouncedValue(JSON.stringify({ provider, model, quantities: asked }), 200)
  const quote = useQuery({
    queryKey: keys.quote(request),
    queryFn: ({ signal }) => fetchQuote(JSON.parse(request), signal),
    placeholderData: keepPreviousData,
    enabled: provider !== '' && model !== '',
    retry: false,
  })
  return (
    <Panel title="What would it cost?">
      <div className={classes.form}>
        <Autocomplete
          label="Provider"
          data={providers}
          value={provider}
          onChange={setProvider}
          maxDropdownHeight={260}
        />
        <Autocomplete
          label="Model"
          data={models}
          value={model}
          onChange={setModel}
          limit={60}
          maxDropdownHeight={260}
        />
        <div className={classes.quantities}>
          {meters.map((meter) => (
            <NumberField
              key={meter}
              label={meter.charAt(0).toUpperCase() + meter.slice(1).replaceAll('_', ' ')}
              value={quantities[meter] ?? '0'}
              error={faultOf(quantities[meter])}
              onChange={(written) => setQuantities((was) => ({ ...was, [meter]: written }))}
            />
          ))}
        </div>
        <div className={classes.quote} aria-live="polite">
          {quote.isError ? (
            <p className="bad">{sentence(messageOf(quote.error))}</p>
          ) : (
            quote.data && <QuoteResult quote={quote.data} currency={currency} />
          )}
        </div>
      </div>
    </Panel>
  )
}

/** What was written, as far as it can be read; an empty field is none of it. */
function quantityOf(written = ''): number {
  const read = readNumber(written)
  return 'text' in read ? Number(read.text) : 0
}

function faultOf(written = ''): string | undefined {
  const read = readNumber(written, '1000 or 0.5')
  return written.trim() && 'words' in read ? read.words : undefined
}

function QuoteResult({ quote, currency }: { quote: Quote; currency: string }) {
  if (quote.amount === null) {
    return (
      <>
        <p className={classes.amount}>unpriced</p>
        <p className="muted">
          No price is known for this model, or for a part of what it would use.
        </p>
      </>
    )
  }
  const total = parseAmount(quote.amount)
  const lines = quote.lines.map(({ amount }) => parseAmount(amount))
  const precision = exactPrecisionOf([total, ...lines])
  return (
    <>
      <p className={classes.amount} title={formatAmountExactly(total, currency)}>
        {formatAmount(total, currency)}
      </p>
      {quote.unpriced && (
        <p className="muted">
          Partly priced: without {quote.unpriced.missing.join(', ').replaceAll('_', ' ')}.
        </p>
      )}
      <table className={classes.lines}>
        <tbody>
          {quote.lines.map((line) => (
            <tr key={line.meter}>
              <th scope="row">
                {formatCountExactly(quantityNumber(line.quantity))}{' '}
                {line.meter.replaceAll('_', ' ')}
              </th>
              <td title={line.price}>
                {formatAmountAt(parseAmount(line.amount), precision, currency)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  )
}

function modelsOf(prices: Price[], provider: string): string[] {
  const names = prices
    .filter((price) => price.provider === provider)
    .map((price) => price.model ?? '')
  return [...new Set(names)].filter((name) => name && !name.includes('*')).sort()
}

/** The meters that the model has prices for, the usual ones first. */
function metersOf(prices: Price[], provider: string, model: string): string[] {
  const own = prices
    .filter((price) => price.provider === provider && price.model === model)
    .map(({ meter }) => meter)
  const others = [...new Set(own)]
    .filter((meter) => !USUAL_METERS.includes(meter) && meter !== 'factor')
    .sort()
  return [...USUAL_METERS, ...others].slice(0, METERS_MAX)
}
