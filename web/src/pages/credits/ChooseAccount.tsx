import { Button, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { Link, useLocation } from 'wouter'
import { useNames } from '@/api/names'
import { type Attribute, withOnly } from '@/lib/filters'
import { Panel } from '@/ui/Panel'
import { useParam } from '@/view/useParam'
import { linkTo, useScene } from '@/view/useView'
import classes from './Credits.module.css'

const ACCOUNT: Attribute[] = ['account']
/** Accounts that are offered at once; the others are found by their names. */
const OFFERED_MAX = 60

/** Whose credit is looked at, where nobody has said it yet. */
export function ChooseAccount() {
  const { view, range, tz } = useScene()
  const [, navigate] = useLocation()
  const [text, setText] = useState('')
  const [move] = useParam('move')
  const { names } = useNames({ attributes: ACCOUNT, range, tz, text })
  const sought = text.trim().toLowerCase()
  const offered = names
    .map(({ name }) => name)
    .filter((name) => name !== '' && name.toLowerCase().includes(sought))
    .slice(0, OFFERED_MAX)
  const creditOf = (account: string) => {
    const link = linkTo('/credits', { ...view, filters: withOnly([], 'account', account) })
    // What somebody came to do goes with them.
    return move ? `${link}&move=${encodeURIComponent(move)}` : link
  }
  const show = (event: FormEvent) => {
    event.preventDefault()
    if (text.trim()) navigate(creditOf(text.trim()))
  }
  return (
    <Panel title="Whose credit?" note="Each account has a balance of its own">
      <form className={classes.find} onSubmit={show}>
        <TextInput
          label="Account"
          placeholder="acme"
          autoComplete="off"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <Button type="submit" size="sm" variant="default">
          Show its credit
        </Button>
      </form>
      {offered.length > 0 && (
        <ul className={classes.accounts} aria-label="Accounts that were used lately">
          {offered.map((name) => (
            <li key={name}>
              <Link href={creditOf(name)}>{name}</Link>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  )
}
