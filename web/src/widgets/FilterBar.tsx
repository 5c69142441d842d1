import { Button, Popover, SegmentedControl, TagsInput } from '@mantine/core'
import { IconFilterPlus, IconX } from '@tabler/icons-react'
import { useState } from 'react'
import { useNames } from '@/api/names'
import { type Attribute, type Filter, type FilterOp, filterText } from '@/lib/filters'
import bar from '@/ui/bar.module.css'
import { useScene, useView } from '@/view/useView'
import { AttributeSelect } from './AttributeSelect'
import classes from './FilterBar.module.css'

/** The conditions on what is shown, each a chip that can be taken away. */
export function FilterBar() {
  const [view, changeView] = useView()
  if (view.filters.length === 0) return null
  return (
    <div className={classes.bar}>
      <FilterChips filters={view.filters} onChange={(filters) => changeView({ filters })} />
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

interface FiltersProps {
  filters: Filter[]
  onChange: (filters: Filter[]) => void
}

export function FilterChips({ filters, onChange }: FiltersProps) {
  return (
    <ul className={classes.chips} aria-label="Filters">
      {filters.map((filter, at) => (
        <li key={filterText(filter)} className={classes.chip}>
          <span className="truncate">{filterText(filter)}</span>
          <button
            type="button"
            aria-label={`Remove the filter: ${filterText(filter)}`}
            onClick={() => onChange(filters.toSpliced(at, 1))}
          >
            <IconX size={13} aria-hidden="true" />
          </button>
        </li>
      ))}
    </ul>
  )
}

/** The conditions of something that is being written, with the form for one more. */
export function FilterEditor({ filters, onChange }: FiltersProps) {
  return (
    <div className={classes.editor}>
      {filters.length > 0 && (
        <div className={classes.bar}>
          <FilterChips filters={filters} onChange={onChange} />
        </div>
      )}
      <FilterFields filters={filters} onChange={onChange} />
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
      <Popover.Dropdown>{opened && <FilterForm />}</Popover.Dropdown>
    </Popover>
  )
}

/** Filters the page. Every value counts from the moment it is picked. */
function FilterForm() {
  const [view, changeView] = useView()
  // Another value of a condition is not worth a step back; another condition is.
  const change = (filters: Filter[]) =>
    changeView({ filters }, { replace: filters.length === view.filters.length })
  return (
    <div className={classes.form}>
      <FilterFields filters={view.filters} onChange={change} />
    </div>
  )
}

/** One attribute's condition, and the values that were seen of it. */
function FilterFields({ filters, onChange }: FiltersProps) {
  const { range, tz } = useScene()
  const [attribute, setAttribute] = useState<Attribute>('provider')
  const [op, setOp] = useState<FilterOp>('in')
  const [text, setText] = useState('')
  const known = useNames({ attributes: [attribute], range, tz, text })
  const names = known.names.map(({ name }) => name || NOT_SET)
  const filter = filters.find((one) => one.attribute === attribute && one.op === op)

  const pick = (picked: string[]) => {
    const values = picked.map((value) => (value === NOT_SET ? '' : value))
    const others = filters.filter((one) => one !== filter)
    onChange(values.length > 0 ? [...others, { attribute, op, values }] : others)
  }
  return (
    <>
      <AttributeSelect label="Attribute" value={attribute} onChange={setAttribute} />
      <SegmentedControl
        size="xs"
        aria-label="Condition"
        data={OPS}
        value={op}
        onChange={(value) => setOp(value as FilterOp)}
      />
      <TagsInput
        size="sm"
        label="Values"
        placeholder="Pick, or type and press Enter"
        data={names}
        value={(filter?.values ?? []).map((value) => value || NOT_SET)}
        onChange={pick}
        searchValue={text}
        onSearchChange={setText}
        maxDropdownHeight={220}
        clearable
        clearButtonProps={{ 'aria-label': 'Clear the values' }}
        comboboxProps={{ withinPortal: false }}
      />
    </>
  )
}

/** How the absence of a value is offered. */
const NOT_SET = '(not set)'
