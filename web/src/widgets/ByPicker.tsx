import { ActionIcon, Button } from '@mantine/core'
import { IconPlus, IconX } from '@tabler/icons-react'
import { ATTRIBUTES, type Attribute, attributeLabel } from '@/lib/filters'
import { BY_MAX } from '@/lib/view'
import { AttributeSelect } from './AttributeSelect'
import classes from './ByPicker.module.css'

interface ByPickerProps {
  by: Attribute[]
  onChange: (by: Attribute[]) => void
  /** Whether it stands in a panel's head, where there is no room for a label above it. */
  isCompact?: boolean
}

/** Up to three attributes to group by, in order. */
export function ByPicker({ by, onChange, isCompact }: ByPickerProps) {
  const next = (Object.keys(ATTRIBUTES) as Attribute[]).find((attribute) => !by.includes(attribute))
  return (
    <fieldset className={classes.by}>
      <legend className="visually-hidden">Group by</legend>
      {!isCompact && (
        <span className={classes.label} aria-hidden="true">
          By
        </span>
      )}
      <div className={classes.row}>
        {isCompact && (
          <span className={classes.word} aria-hidden="true">
            by
          </span>
        )}
        {by.map((attribute, at) => (
          <span key={attribute} className={classes.one}>
            <AttributeSelect
              label={`By, ${['first', 'second', 'third'][at]}`}
              hidesLabel
              size={isCompact ? 'xs' : 'sm'}
              value={attribute}
              without={by}
              onChange={(changed) => onChange(by.with(at, changed))}
            />
            <ActionIcon
              variant="subtle"
              color="gray"
              size={26}
              aria-label={`Do not group by ${attributeLabel(attribute).toLowerCase()}`}
              onClick={() => onChange(by.toSpliced(at, 1))}
            >
              <IconX size={14} />
            </ActionIcon>
          </span>
        ))}
        {by.length < BY_MAX && next && (
          <Button
            size="compact-sm"
            variant="subtle"
            color="gray"
            leftSection={<IconPlus size={14} aria-hidden="true" />}
            onClick={() => onChange([...by, next])}
          >
            {by.length === 0 ? 'Group' : 'And by'}
          </Button>
        )}
      </div>
    </fieldset>
  )
}
