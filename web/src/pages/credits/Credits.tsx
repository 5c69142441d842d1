import { Button } from '@mantine/core'
import { useBalance } from '@/api/credit'
import { useSession } from '@/api/session'
import { termsWords } from '@/lib/credit'
import { scopeOf } from '@/lib/view'
import { Loaded } from '@/ui/Loaded'
import { Panel } from '@/ui/Panel'
import { Empty } from '@/ui/States'
import { useParam } from '@/view/useParam'
import { useView } from '@/view/useView'
import { BalanceFigures } from '@/widgets/BalanceFigures'
import { HoldsTable } from '@/widgets/HoldsTable'
import { NameLink } from '@/widgets/NameLink'
import type { AccountBalance } from '@/wire'
import { AdjustDrawer } from './AdjustDrawer'
import { ChooseAccount } from './ChooseAccount'
import classes from './Credits.module.css'
import { GrantDrawer } from './GrantDrawer'
import { GrantsPanel } from './GrantsPanel'
import { LedgerPanel } from './LedgerPanel'
import { StatementPanel } from './StatementPanel'
import { TermsDrawer } from './TermsDrawer'

/** What an account has been given, what is left of it, and where the rest went. */
export default function Credits() {
  const { scope } = useSession()
  const [view] = useView()
  const account = scope ?? scopeOf(view)
  if (account === null) return <ChooseAccount />
  return <CreditOf key={account} account={account} />
}

function CreditOf({ account }: { account: string }) {
  const { role } = useSession()
  const [moved, move] = useParam('move')
  const balance = useBalance(account)
  const close = () => move(null, { replace: true })
  const isAdmin = role === 'admin'
  return (
    <div className={classes.page}>
      <div className={classes.head}>
        <p className={classes.who}>
          <span className="muted">Of the account</span>{' '}
          <NameLink attribute="account" name={account} />
        </p>
        {isAdmin && <Acts move={move} />}
      </div>
      <Loaded
        query={balance}
        what="The balance"
        rows={2}
        isEmpty={({ terms }) => terms === null}
        empty={<NoCredit account={account} give={isAdmin ? () => move('give') : null} />}
      >
        {(has) => (
          <Ledger
            account={account}
            balance={has}
            changeTerms={isAdmin ? () => move('terms') : null}
          />
        )}
      </Loaded>
      {isAdmin && (
        <>
          <GrantDrawer account={account} opened={moved === 'give'} close={close} />
          {balance.data?.terms && (
            <TermsDrawer
              account={account}
              terms={balance.data.terms}
              opened={moved === 'terms'}
              close={close}
            />
          )}
          <AdjustDrawer
            account={account}
            units={Object.keys(balance.data?.units ?? {})}
            opened={moved === 'adjust'}
            close={close}
          />
        </>
      )}
    </div>
  )
}

function Acts({ move }: { move: (to: string) => void }) {
  return (
    <div className={classes.acts}>
      <Button size="xs" variant="default" onClick={() => move('adjust')}>
        Adjust the balance
      </Button>
      <Button size="xs" onClick={() => move('give')}>
        Give credit
      </Button>
    </div>
  )
}

function NoCredit({ account, give }: { account: string; give: (() => void) | null }) {
  return (
    <Panel title="Balance">
      <Empty title={`${account} has no credit`}>
        <p className={classes.why}>
          Its usage is counted and charged as ever, and no balance limits it. That changes with the
          first credit: from then on its usage is taken from what it has.
        </p>
        {give && (
          <Button size="xs" onClick={give}>
            Give the first credit
          </Button>
        )}
      </Empty>
    </Panel>
  )
}

interface LedgerProps {
  account: string
  balance: AccountBalance
  changeTerms: (() => void) | null
}

function Ledger({ account, balance: { terms, units }, changeTerms }: LedgerProps) {
  return (
    <>
      <section aria-label="Balance">
        <BalanceFigures units={units} />
        {terms && (
          <p className={`muted small ${classes.terms}`}>
            {termsWords(terms)}
            {terms.captures_beyond && ' More may be captured than is held.'}{' '}
            {changeTerms && (
              <button type="button" className="plain" onClick={changeTerms}>
                <u>Change the terms</u>
              </button>
            )}
          </p>
        )}
      </section>
      <GrantsPanel account={account} />
      <Panel title="Holds" note="Set aside for calls in flight; what is not taken goes back" flush>
        <HoldsTable account={account} />
      </Panel>
      <LedgerPanel account={account} />
      <StatementPanel account={account} />
    </>
  )
}
