import { Combobox, InputBase, useCombobox } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api } from '@/api/client'
import { keys } from '@/api/keys'
import { ATTRIBUTES, type Attribute, attributeLabel } from '@/lib/filters'

interface AttributeSelectProps {
  /** The field's name: above it, or read out only where there is no room. */
  label: string
  hidesLabel?: boolean
  size?: 'xs' | 'sm'
  value: Attribute
  onChange: (attribute: Attribute) => void
  /** Attributes that are not offered. */
  without?: Attribute[]
}

/** An attribute to group or filter by: the named ones, tags seen lately, and any other tag. */
export function AttributeSelect({
  label,
  hidesLabel,
  size = 'sm',
  value,
  onChange,
  without = [],
}: AttributeSelectProps) {
  const [search, setSearch] = useState('')
  const combobox = useCombobox({ onDropdownClose: () => setSearch('') })
  const tags = useTagKeys(combobox.dropdownOpened)
  const text = search.trim().toLowerCase()
  const options = [
    ...(Object.keys(ATTRIBUTES) as Attribute[]),
    ...tags.map((key) => `tag.${key}` as const),
  ]
    .filter((attribute) => attribute === value || !without.includes(attribute))
    .filter((attribute) => attributeLabel(attribute).toLowerCase().includes(text))
  const typed = search.trim().replace(/^tag[ .:]*/i, '')
  const isNewTag =
    typed !== '' && !tags.includes(typed) && !Object.hasOwn(ATTRIBUTES, typed.toLowerCase())
  return (
    <Combobox
      store={combobox}
      withinPortal={false}
      position="bottom-start"
      onOptionSubmit={(option) => {
        onChange(option as Attribute)
        combobox.closeDropdown()
      }}
    >
      <Combobox.Target>
        <InputBase
          size={size}
          w={hidesLabel ? 132 : undefined}
          label={hidesLabel ? undefined : label}
          aria-label={hidesLabel ? label : undefined}
          rightSection={<Combobox.Chevron />}
          rightSectionPointerEvents="none"
          value={combobox.dropdownOpened ? search : attributeLabel(value)}
          placeholder={attributeLabel(value)}
          onChange={(event) => {
            setSearch(event.currentTarget.value)
            combobox.openDropdown()
            combobox.selectFirstOption()
          }}
          onClick={() => combobox.openDropdown()}
          onFocus={(event) => event.currentTarget.select()}
          onBlur={() => combobox.closeDropdown()}
          onKeyDown={(event) => {
            if (event.key === 'ArrowDown') combobox.openDropdown()
          }}
        />
      </Combobox.Target>
      <Combobox.Dropdown miw={190}>
        <Combobox.Options mah={300} style={{ overflowY: 'auto' }}>
          {options.map((attribute) => (
            <Combobox.Option key={attribute} value={attribute} active={attribute === value}>
              {attributeLabel(attribute)}
            </Combobox.Option>
          ))}
          {isNewTag && <Combobox.Option value={`tag.${typed}`}>Tag {typed}</Combobox.Option>}
          {!text && <Combobox.Empty>Or type the name of a tag</Combobox.Empty>}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  )
}

/** The keys of tags on the newest events. */
function useTagKeys(enabled: boolean): string[] {
  const { data } = useQuery({
    queryKey: keys.tagKeys(),
    queryFn: async ({ signal }) => {
      const page = await api.get('/api/v1/usage/events', { query: { limit: 100 }, signal })
      return [...new Set(page.items.flatMap((event) => Object.keys(event.tags ?? {})))].sort()
    },
    staleTime: 300_000,
    enabled,
  })
  return data ?? []
}
