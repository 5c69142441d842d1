import { IconLock } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import type { AnyBudget } from '@/api/budgets'
import classes from './Budgets.module.css'

/** What is special about a budget. */
export function Chips({ budget }: { budget: AnyBudget }) {
  return (
    <>
      {budget.enforcement === 'hard' && (
        <Chip title="Whoever asks before they spend is refused when it is spent">
          <IconLock size={12} aria-hidden="true" /> hard
        </Chip>
      )}
      {budget.imported && <Chip title="From an older system, unchanged here">imported</Chip>}
    </>
  )
}

function Chip({ title, children }: { title: string; children: ReactNode }) {
  return (
    <span className={classes.chip} title={title}>
      {children}
    </span>
  )
}
