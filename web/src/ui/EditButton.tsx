import { Button } from '@mantine/core'

/** Opens what is behind a row of a list. */
export function EditButton({ name, edit }: { name: string; edit: () => void }) {
  return (
    <Button
      size="compact-sm"
      variant="subtle"
      color="gray"
      aria-label={`Edit ${name}`}
      onClick={edit}
    >
      Edit
    </Button>
  )
}
