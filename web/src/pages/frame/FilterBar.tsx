import { Button, Popover, SegmentedControl, TagsInput } from '@mantine/core'
import { IconFilterPlus, IconX } from '@tabler/icons-react'
import { useState } from 'react'
import { useUsage } from '@/api/usage'
import { type Attribute, attributeLabel, type FilterOp, filterText } from '@/lib/filters'
import { AttributeSelect } from './AttributeSelect'
import classes from './FilterBar.module.css'
import bar from './TopBar.module.css'
import { useScene, useView } from './useView'

/** The conditions on what is shown, each a chip that can be taken away. */
export function FilterBar() {
  const [view, changeView] = useView()
  if (view.filters.length === 0) return null
  const remove = (at: number) => changeView({ filters: view.filters.toSpliced(at, 1) })
  return (
    <div className={classes.bar}>
      <ul className={classes.chips} aria-label="Filters">
        {view.filters.map((filter, at) => (
          <li key={filterText(filter)} className={classes.chip}>
            <span className="truncate">{filterText(filter)}</span>
            <button
              type="button"
              aria-label={`Remove the filter: ${filterText(filter)}`}
              onClick={() => remove(at)}
            >
              <IconX size={13} aria-hidden="true" />
            </button>
          </li>
        ))}
      </ul>
      {view.filters.length > 1 && (
        <Button
          size="compact-sm"
          variant="subtle"
          color="gray"
          onClick={() => changeView({ filters: [] })}
        >
          Clear
        </Button>
      )}
    </div>
  )
}

const OPS: { value: FilterOp; label: string }[] = [
  { value: 'in', label: 'is' },
  { value: 'not', label: 'is not' },
  { value: 'prefix', label: 'begins with' },
]

/** Opens the form for one more condition. */
export function AddFilter() {
  const [opened, setOpened] = useState(false)
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-start" trapFocus returnFocus>
      <Popover.Target>
        <button type="button" className={bar.pick} onClick={() => setOpened((was) => !was)}>
          <IconFilterPlus size={15} aria-hidden="true" />
          <span className={bar.word}>Filter</span>
        </button>
      </Popover.Target>
      <Popover.Dropdown>{opened && <FilterForm done={() => setOpened(false)} />}</Popover.Dropdown>
    </Popover>
  )
}

function FilterForm({ done }: { done: () => void }) {
  const [view, changeView] = useView()
  const { range, tz } = useScene()
  const [attribute, setAttribute] = useState<Attribute>('provider')
  const [op, setOp] = useState<FilterOp>('in')
  const [values, setValues] = useState<string[]>([])
  const known = useUsage('breakdown', { range, tz, by: [attribute], measures: ['spend'], top: 200 })
  const names = (known.data?.rows ?? [])
    .filter((row) => !row.isOther)
    .map((row) => row.names[0] || NOT_SET)

  const apply = () => {
    const chosen = values.map((value) => (value === NOT_SET ? '' : value))
    const others = view.filters.filter(
      (filter) => filter.attribute !== attribute || filter.op !== op,
    )
    changeView({ filters: [...others, { attribute, op, values: chosen }] })
    done()
  }
  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault()
        if (values.length > 0) apply()
      }}
    >
      <AttributeSelect
        label="Attribute"
        value={attribute}
        onChange={(next) => {
          setAttribute(next)
          setValues([])
        }}
      />
      <SegmentedControl
        size="xs"
        aria-label="Condition"
        data={OPS}
        value={op}
        onChange={(value) => setOp(value as FilterOp)}
      />
      <TagsInput
        size="sm"
        label={`${attributeLabel(attribute)} ${op === 'prefix' ? 'begins with' : ''}`}
        placeholder={values.length > 0 ? '' : 'Pick or type values'}
        data={names}
        value={values}
        onChange={setValues}
        maxDropdownHeight={220}
        clearable
        comboboxProps={{ withinPortal: false }}
      />
      <Button type="submit" size="xs" disabled={values.length === 0}>
        Add
      </Button>
    </form>
  )
}

/** How the absence of a value is offered. */
const NOT_SET = '(not set)'
