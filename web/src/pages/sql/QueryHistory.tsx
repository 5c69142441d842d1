import { useState } from 'react'
import { withQuery } from '@/lib/sqlResult'
import { Panel } from '@/ui/Panel'
import classes from './Sql.module.css'

/** Queries that are remembered, at most. */
const HISTORY_MAX = 20

/**
 * The queries that somebody ran in this tab. They may name people, so they are kept no longer than the
 * tab is, and are nobody else's.
 */
export function useQueryHistory(user: string): [string[], (query: string) => void] {
  const key = `outlay-sql ${user}`
  const [history, setHistory] = useState(() => readHistory(key))
  const remember = (query: string) => {
    const next = withQuery(history, query, HISTORY_MAX)
    setHistory(next)
    try {
      sessionStorage.setItem(key, JSON.stringify(next))
    } catch {
      // It is full or closed: the queries then last as long as the page.
    }
  }
  return [history, remember]
}

function readHistory(key: string): string[] {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(key) ?? '[]')
    return Array.isArray(kept) ? kept.filter((one) => typeof one === 'string') : []
  } catch {
    return []
  }
}

interface QueryHistoryProps {
  history: string[]
  pick: (query: string) => void
}

export function QueryHistory({ history, pick }: QueryHistoryProps) {
  if (history.length === 0) return null
  return (
    <Panel title="Run before" note="In this tab">
      <ul className={classes.history}>
        {history.map((query) => (
          <li key={query}>
            <button
              type="button"
              className={classes.past}
              title={query}
              onClick={() => pick(query)}
            >
              {query.replace(/\s+/g, ' ')}
            </button>
          </li>
        ))}
      </ul>
    </Panel>
  )
}
