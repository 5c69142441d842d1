import { Link } from 'wouter'
import { useBalance } from '@/api/credit'
import { useSession } from '@/api/session'
import { termsWords } from '@/lib/credit'
import { withOnly } from '@/lib/filters'
import { DEFAULT_VIEW } from '@/lib/view'
import { Loaded } from '@/ui/Loaded'
import { Panel } from '@/ui/Panel'
import { linkTo } from '@/view/useView'
import { BalanceFigures } from '@/widgets/BalanceFigures'
import { HoldsTable } from '@/widgets/HoldsTable'
import classes from './CreditPanel.module.css'

/** What an account has, what it agreed to, and what is set aside. Who sees another account sees none of it. */
export function CreditPanel({ account }: { account: string }) {
  const { scope } = useSession()
  if (scope !== null && scope !== account) return null
  return <Credit account={account} />
}

function Credit({ account }: { account: string }) {
  const { role } = useSession()
  const balance = useBalance(account)
  const credits = linkTo('/credits', {
    ...DEFAULT_VIEW,
    filters: withOnly([], 'account', account),
  })
  const hasLedger = balance.data !== undefined && balance.data.terms !== null
  return (
    <Panel title="Credit" actions={hasLedger && <Link href={credits}>Grants and ledger</Link>}>
      <Loaded
        query={balance}
        what="The balance"
        rows={2}
        isEmpty={({ terms }) => terms === null}
        empty={
          <p className="muted">
            It has no credit, and no balance limits it.{' '}
            {role === 'admin' && <Link href={`${credits}&move=give`}>Give credit</Link>}
          </p>
        }
      >
        {({ units, terms }) => (
          <div className={classes.body}>
            <BalanceFigures units={units} />
            {terms && <p className="muted small">{termsWords(terms)}</p>}
            <div className={classes.holds}>
              <HoldsTable account={account} isBrief />
            </div>
          </div>
        )}
      </Loaded>
    </Panel>
  )
}
