import { type Amount, formatAmountExactly } from './amount'

/** A part of an event's amount: so much of a meter at the price of one. All exact decimals. */
export interface ChargeLine {
  meter: string
  quantity: number | string
  unit_price: string
  amount: string
}

const DECIMALS = 9

/** A decimal as an integer of so many places, however many it has. */
function scaled(text: string, places: number): bigint {
  const [units = '0', decimals = ''] = text.replace('-', '').split('.')
  const size = BigInt(units + decimals.padEnd(places, '0').slice(0, places))
  return text.startsWith('-') ? -size : size
}

function decimalsOf(text: string): number {
  return text.split('.')[1]?.length ?? 0
}

/** A decimal rounded to what is kept of an amount, halves away from zero. */
export function roundedAmount(text: string): Amount {
  const places = Math.max(DECIMALS, decimalsOf(text))
  const by = 10n ** BigInt(places - DECIMALS)
  const value = scaled(text, places)
  const half = (value < 0n ? -by : by) / 2n
  return ((value + half) / by) as Amount
}

/** Whether the lines come to the amount, so that they may stand as its reason. */
export function explains(lines: ChargeLine[], amount: Amount): boolean {
  const places = Math.max(DECIMALS, ...lines.map((line) => decimalsOf(line.amount)))
  const sum = lines.reduce((total, line) => total + scaled(line.amount, places), 0n)
  const by = 10n ** BigInt(places - DECIMALS)
  const half = (sum < 0n ? -by : by) / 2n
  return lines.length > 0 && (sum + half) / by === amount
}

/** What units are priced by where people speak of them: `$2.50 per M` of tokens, `$0.04` each. */
export function unitPriceWords(line: ChargeLine, currency: string): string {
  if (!/_?tokens$|^characters$/.test(line.meter)) {
    return formatAmountExactly(roundedAmount(line.unit_price), currency)
  }
  const [units = '0', decimals = ''] = line.unit_price.split('.')
  const shifted = `${units}${decimals.padEnd(6, '0').slice(0, 6)}.${decimals.slice(6) || '0'}`
  return `${formatAmountExactly(roundedAmount(shifted), currency)} per M`
}
