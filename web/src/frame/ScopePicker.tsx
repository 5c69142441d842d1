import { Combobox, useCombobox } from '@mantine/core'
import { IconBuilding, IconChevronDown, IconLock } from '@tabler/icons-react'
import { useState } from 'react'
import { useNames } from '@/api/names'
import { useSession } from '@/api/session'
import { type Attribute, withOnly } from '@/lib/filters'
import { scopeOf } from '@/lib/view'
import bar from '@/ui/bar.module.css'
import { useScene, useView } from '@/view/useView'

/** Whose usage is shown. A member sees their own account and nothing else. */
export function ScopePicker({ disabled }: { disabled: boolean }) {
  const session = useSession()
  if (session.scope === null) return <AccountSelect disabled={disabled} />
  return (
    <span className={bar.pick} title="You see your own account.">
      <IconLock size={14} aria-hidden="true" />
      <span className="truncate">{session.scope}</span>
    </span>
  )
}

/** Why the scope is greyed. */
const UNUSED = 'This page is about all accounts'

const ACCOUNT: Attribute[] = ['account']
const EVERYONE = '\u0000everyone'

function AccountSelect({ disabled }: { disabled: boolean }) {
  const [view, changeView] = useView()
  const { range, tz } = useScene()
  const [search, setSearch] = useState('')
  const combobox = useCombobox({
    onDropdownClose: () => {
      combobox.resetSelectedOption()
      setSearch('')
    },
    onDropdownOpen: () => combobox.focusSearchInput(),
  })
  const accounts = useNames({
    attributes: ACCOUNT,
    range,
    tz,
    text: search,
    enabled: combobox.dropdownOpened,
  })
  const scope = scopeOf(view)
  const names = accounts.names
    .map(({ name }) => name)
    .filter((name) => name.toLowerCase().includes(search.toLowerCase()))

  const choose = (value: string) => {
    const others = view.filters.filter(({ attribute }) => attribute !== 'account')
    changeView({ filters: value === EVERYONE ? others : withOnly(others, 'account', value) })
    combobox.closeDropdown()
  }
  return (
    <Combobox store={combobox} width={240} position="bottom-start" onOptionSubmit={choose}>
      <Combobox.Target targetType="button">
        <button
          type="button"
          className={bar.pick}
          disabled={disabled}
          title={disabled ? UNUSED : undefined}
          onClick={() => combobox.toggleDropdown()}
        >
          <IconBuilding size={15} aria-hidden="true" />
          <span className="visually-hidden">Scope: </span>
          <span className="truncate">{scope ?? 'All accounts'}</span>
          <IconChevronDown size={14} aria-hidden="true" />
        </button>
      </Combobox.Target>
      <Combobox.Dropdown>
        <Combobox.Search
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
          placeholder="Find an account"
          aria-label="Find an account"
        />
        <Combobox.Options mah={320} style={{ overflowY: 'auto' }} aria-label="Accounts">
          {!search && (
            <Combobox.Option value={EVERYONE} active={scope === null}>
              All accounts
            </Combobox.Option>
          )}
          {names.map((name) => (
            <Combobox.Option key={name} value={name} active={name === scope}>
              {name}
            </Combobox.Option>
          ))}
          {accounts.isKnown && names.length === 0 && search && (
            <Combobox.Empty>No account of that name in this period</Combobox.Empty>
          )}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  )
}
