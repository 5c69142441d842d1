import { Select } from '@mantine/core'
import { useState } from 'react'
import { type UnitStatement, useStatement } from '@/api/credit'
import { type Amount, parseAmount } from '@/lib/amount'
import { POSTED, unitsOf } from '@/lib/credit'
import { lastMonths } from '@/lib/months'
import { formatCountExactly } from '@/lib/number'
import { Money } from '@/ui/Figures'
import { Loaded } from '@/ui/Loaded'
import { Panel } from '@/ui/Panel'
import { Sideways } from '@/ui/Sideways'
import { Empty } from '@/ui/States'
import table from '@/ui/table.module.css'
import { useScene } from '@/view/useView'
import data from '@/widgets/DataTable.module.css'
import type { Balance } from '@/wire'
import classes from './Credits.module.css'

/** How many months back are offered. */
const MONTHS = 24

/** A month of an account: what it had before, what was posted, and what it had at its end. */
export function StatementPanel({ account }: { account: string }) {
  const { tz, now, currency } = useScene()
  const months = lastMonths(now, tz, MONTHS)
  const [month, setMonth] = useState(months[0]?.value ?? '')
  const statement = useStatement(account, month, tz)
  return (
    <Panel
      title="Statement"
      note={statement.data?.is_over ? 'The month is over, and stays as it is' : 'So far'}
      flush
      actions={
        <Select
          size="xs"
          w={190}
          aria-label="Month of the statement"
          allowDeselect={false}
          data={months}
          value={month}
          onChange={(next) => next && setMonth(next)}
        />
      }
    >
      <Loaded
        query={statement}
        what="The statement"
        rows={4}
        isEmpty={({ units }) => Object.keys(units).length === 0}
        empty={<Empty title="Nothing was posted up to the end of this month" />}
      >
        {({ units }) => (
          <Sideways label="Statement, row by row">
            {unitsOf(units, currency).map(([unit, one]) => (
              <UnitTable key={unit} unit={unit} statement={one} />
            ))}
          </Sideways>
        )}
      </Loaded>
    </Panel>
  )
}

function UnitTable({ unit, statement }: { unit: string; statement: UnitStatement }) {
  const { opening, posted, closing } = statement
  return (
    <table
      className={`${table.table} ${data.table} ${classes.statement}`}
      aria-label={`Statement in ${unit}`}
    >
      <thead>
        <tr>
          <th scope="col">{unit}</th>
          <th scope="col" className={`${table.right} ${data.wide}`}>
            Lines
          </th>
          <th scope="col" className={`${table.right} ${data.wide}`}>
            Settled
          </th>
          <th scope="col" className={`${table.right} ${data.wide}`}>
            Held
          </th>
          <th scope="col" className={table.right}>
            Available
          </th>
        </tr>
      </thead>
      <tbody>
        <Line title="Before" unit={unit} sums={opening} />
        {inOrder(posted).map(([title, sums]) => (
          <Line key={title} title={title} lines={sums.postings} unit={unit} sums={sums} isChange />
        ))}
      </tbody>
      <tfoot>
        <Line title="At the end" unit={unit} sums={closing} isTotal />
      </tfoot>
    </table>
  )
}

/** What was posted, as the words for it are ordered: what came in first. */
function inOrder(posted: UnitStatement['posted']) {
  return Object.entries(POSTED).flatMap(([kind, title]) => {
    const sums = posted[kind]
    return sums ? [[title, sums] as const] : []
  })
}

interface LineProps {
  title: string
  lines?: number
  unit: string
  sums: Balance
  isChange?: boolean
  isTotal?: boolean
}

function Line({ title, lines, unit, sums, isChange, isTotal }: LineProps) {
  const money = (text: string) => {
    const amount: Amount = parseAmount(text)
    return isChange && amount === 0n ? (
      '–'
    ) : (
      <Money amount={amount} unit={unit} isChange={isChange} />
    )
  }
  return (
    <tr>
      {isTotal ? <td>{title}</td> : <th scope="row">{title}</th>}
      <td className={`${table.right} ${data.wide}`}>
        {lines !== undefined && formatCountExactly(lines)}
      </td>
      <td className={`${table.right} ${data.wide}`}>{money(sums.settled)}</td>
      <td className={`${table.right} ${data.wide}`}>{money(sums.held)}</td>
      <td className={table.right}>{money(sums.available)}</td>
    </tr>
  )
}
