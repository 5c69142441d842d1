import { Link } from 'wouter'
import { useAlerts } from '@/api/alerts'
import { useBudgets } from '@/api/budgets'
import { useSession } from '@/api/session'
import { isAbout, isLinkAbout } from '@/lib/about'
import { formatAmount, parseAmount } from '@/lib/amount'
import { budgetPath, periodWords, usedShare } from '@/lib/budgets'
import type { Attribute } from '@/lib/filters'
import { formatAgo } from '@/lib/time'
import { Panel } from '@/ui/Panel'
import { useNow } from '@/ui/useNow'
import classes from './AboutPanel.module.css'

interface AboutPanelProps {
  attribute: Attribute
  name: string
}

/** The budgets that are about a name, and the alerts that wait because of it. */
export function AboutPanel({ attribute, name }: AboutPanelProps) {
  return (
    <Panel title="Budgets and alerts">
      <Budgets attribute={attribute} name={name} />
      <OpenAlerts attribute={attribute} name={name} />
    </Panel>
  )
}

function Budgets({ attribute, name }: AboutPanelProps) {
  const { currency } = useSession()
  const { data } = useBudgets()
  const about = (data ?? []).filter(({ scope }) => isAbout(scope, attribute, name))
  if (data && about.length === 0) return <p className="muted">No budget is about it.</p>
  return (
    <ul className={classes.list}>
      {about.map(({ id, name: called, amount, period, status }) => (
        <li key={id}>
          <Link href={budgetPath(id)}>{called}</Link>
          <span className="muted number">
            {status && `${usedShare(status.percent)} of `}
            {formatAmount(parseAmount(amount), currency)} {periodWords(period)}
          </span>
        </li>
      ))}
    </ul>
  )
}

function OpenAlerts({ attribute, name }: AboutPanelProps) {
  const now = useNow()
  const { data } = useAlerts('open', null, null)
  const open = data?.pages.flatMap(({ items }) => items) ?? []
  const about = open.filter(({ link }) => isLinkAbout(link, attribute, name))
  if (data && about.length === 0) return <p className="muted">No alert about it waits.</p>
  return (
    <ul className={classes.list}>
      {about.map(({ id, title, opened_at }) => (
        <li key={id}>
          <Link href="/alerts">{title}</Link>
          <span className="muted">{formatAgo(new Date(opened_at), now)}</span>
        </li>
      ))}
    </ul>
  )
}
