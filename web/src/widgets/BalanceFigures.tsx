import { useSession } from '@/api/session'
import { parseAmount } from '@/lib/amount'
import { unitsOf } from '@/lib/credit'
import { Money } from '@/ui/Figures'
import type { Balance } from '@/wire'
import classes from './BalanceFigures.module.css'

/** What an account has, each unit by itself: units are never added. */
export function BalanceFigures({ units }: { units: Record<string, Balance> }) {
  const { currency } = useSession()
  return (
    <div className={classes.units}>
      {unitsOf(units, currency).map(([unit, balance]) => (
        <dl key={unit} className={classes.figures} aria-label={`Balance in ${unit}`}>
          <Tile
            title="Settled"
            hint="In grants and holds, less what is owed"
            amount={balance.settled}
            unit={unit}
          />
          <Tile
            title="Held"
            hint="Set aside for calls in flight"
            amount={balance.held}
            unit={unit}
          />
          <Tile
            title="Available"
            hint={parseAmount(balance.available) < 0n ? 'Owed' : 'Can be spent now'}
            amount={balance.available}
            unit={unit}
          />
        </dl>
      ))}
    </div>
  )
}

interface TileProps {
  title: string
  hint: string
  amount: string
  unit: string
}

function Tile({ title, hint, amount, unit }: TileProps) {
  return (
    <div className={classes.tile}>
      <dt>{title}</dt>
      <dd className={classes.amount}>
        <Money amount={parseAmount(amount)} unit={unit} />
      </dd>
      <dd>{hint}</dd>
    </div>
  )
}
