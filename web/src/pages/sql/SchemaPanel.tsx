import { TextInput } from '@mantine/core'
import { useState } from 'react'
import { useSqlSchema } from '@/api/sql'
import { Loaded } from '@/ui/Loaded'
import { Panel } from '@/ui/Panel'
import classes from './Sql.module.css'

/** The tables and their columns; a press writes a column into the query. */
export function SchemaPanel({ insert }: { insert: (word: string) => void }) {
  const schema = useSqlSchema()
  const [text, setText] = useState('')
  const sought = text.trim().toLowerCase()
  return (
    <Panel title="What can be asked">
      <Loaded query={schema} what="The columns" rows={8}>
        {(tables) => (
          <>
            <TextInput
              size="xs"
              type="search"
              aria-label="Find a column"
              placeholder="Find a column"
              value={text}
              onChange={(event) => setText(event.currentTarget.value)}
            />
            {tables.map(({ name, columns }) => (
              <section key={name}>
                <h3 className={classes.table}>{name}</h3>
                <ul className={classes.columns} aria-label={`Columns of ${name}`}>
                  {columns
                    .filter((column) =>
                      `${column.name} ${column.description}`.toLowerCase().includes(sought),
                    )
                    .map((column) => (
                      <li key={column.name}>
                        <button
                          type="button"
                          className={classes.column}
                          title={`${column.type}: ${column.description}`}
                          onClick={() => insert(column.name)}
                        >
                          <code>{column.name}</code>
                          <span className="muted">{column.description}</span>
                        </button>
                      </li>
                    ))}
                </ul>
              </section>
            ))}
          </>
        )}
      </Loaded>
    </Panel>
  )
}
