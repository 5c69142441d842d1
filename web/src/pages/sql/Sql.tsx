import { Button, Textarea } from '@mantine/core'
import { IconPlayerPlay } from '@tabler/icons-react'
import { useRef, useState } from 'react'
import { ApiError } from '@/api/client'
import { useSession } from '@/api/session'
import { useSql } from '@/api/sql'
import { CopyBlock } from '@/ui/CopyBlock'
import { Panel } from '@/ui/Panel'
import { messageOf, sentence, TableSkeleton } from '@/ui/States'
import { QueryHistory, useQueryHistory } from './QueryHistory'
import { ResultPanel } from './ResultPanel'
import { SchemaPanel } from './SchemaPanel'
import classes from './Sql.module.css'

const FIRST = `SELECT model, sum(spend) AS spend, count(*) AS events
FROM events
GROUP BY model
ORDER BY spend DESC
LIMIT 20`

/** Any question in SQL over every fact, with its answer as a table, as bars and as a file. */
export default function Sql() {
  const { user } = useSession()
  const [history, remember] = useQueryHistory(user.id)
  const [query, setQuery] = useState(history[0] ?? FIRST)
  const field = useRef<HTMLTextAreaElement>(null)
  const sql = useSql()

  const run = () => {
    if (query.trim() === '' || sql.isPending) return
    sql.mutate(query, { onSuccess: () => remember(query) })
  }
  const insert = (word: string) => {
    const area = field.current
    if (!area) return
    const { selectionStart: from, selectionEnd: to } = area
    setQuery(`${query.slice(0, from)}${word}${query.slice(to)}`)
    requestAnimationFrame(() => {
      area.focus()
      area.setSelectionRange(from + word.length, from + word.length)
    })
  }
  return (
    <div className={classes.page}>
      <div className={classes.main}>
        <Panel title="Query" note="Read only; one SELECT at a time">
          <Textarea
            ref={field}
            aria-label="Query"
            autosize
            minRows={6}
            maxRows={24}
            spellCheck={false}
            classNames={{ input: classes.query }}
            value={query}
            onChange={(event) => setQuery(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
              event.preventDefault()
              run()
            }}
          />
          <div className={classes.run}>
            <Button
              size="xs"
              leftSection={<IconPlayerPlay size={14} aria-hidden="true" />}
              loading={sql.isPending}
              onClick={run}
            >
              Run
            </Button>
            <span className="muted small">Ctrl Enter runs it, too</span>
          </div>
          {sql.isError && <Refused error={sql.error} />}
        </Panel>
        {sql.isPending ? (
          <Panel title="Answer" flush>
            <TableSkeleton rows={6} label="The answer is on its way" />
          </Panel>
        ) : (
          sql.data && <ResultPanel key={sql.submittedAt} {...sql.data} />
        )}
      </div>
      <div className={classes.side}>
        <SchemaPanel insert={insert} />
        <QueryHistory history={history} pick={setQuery} />
      </div>
    </div>
  )
}

/** Why a query was not answered, and what helps. */
function Refused({ error }: { error: Error }) {
  const remedy = error instanceof ApiError ? error.remedy : undefined
  return (
    <div className={classes.refused} role="alert">
      <p className="bad">{sentence(messageOf(error))}</p>
      {remedy && <CopyBlock text={remedy} label="remedy" />}
    </div>
  )
}
