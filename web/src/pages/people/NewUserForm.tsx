import { Button, PasswordInput, Select, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { ApiError } from '@/api/client'
import { type NewUser, type User, useCreateUser } from '@/api/people'
import type { Role } from '@/api/session'
import classes from '@/ui/form.module.css'
import { messageOf, sentence } from '@/ui/States'

export const ROLES: { value: Role; label: string }[] = [
  { value: 'admin', label: 'admin' },
  { value: 'member', label: 'member' },
  { value: 'viewer', label: 'viewer' },
]

export function NewUserForm({ close }: { close: (added?: User) => void }) {
  const create = useCreateUser()
  const [id, setId] = useState('')
  const [name, setName] = useState('')
  const [account, setAccount] = useState('')
  const [role, setRole] = useState<Role>('member')
  const [password, setPassword] = useState('')
  const field = create.error instanceof ApiError ? create.error.field : undefined
  const words = create.error ? sentence(messageOf(create.error)) : undefined

  const submit = (event: FormEvent) => {
    event.preventDefault()
    const user: NewUser = {
      id,
      role,
      name: name || undefined,
      account: account || undefined,
      password: password || undefined,
    }
    create.mutate(user, { onSuccess: close })
  }
  return (
    <form className={classes.form} onSubmit={submit}>
      <TextInput
        label="User"
        description="What they sign in with."
        required
        withAsterisk={false}
        data-autofocus
        autoCapitalize="none"
        autoComplete="off"
        value={id}
        error={field === 'id' ? words : undefined}
        onChange={(event) => setId(event.currentTarget.value)}
      />
      <TextInput
        label="Name"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Select
        label="Role"
        description="A member sees their own account, a viewer everything, an admin may change it."
        data={ROLES}
        value={role}
        allowDeselect={false}
        onChange={(value) => setRole((value ?? 'member') as Role)}
      />
      <TextInput
        label="Account"
        description="Who pays for what they use. Their own, if left empty."
        value={account}
        error={field === 'account' ? words : undefined}
        onChange={(event) => setAccount(event.currentTarget.value)}
      />
      <PasswordInput
        label="Password"
        description="Without one they come in by a sign-in link."
        autoComplete="new-password"
        value={password}
        error={field === 'password' ? words : undefined}
        onChange={(event) => setPassword(event.currentTarget.value)}
      />
      {words && !['id', 'account', 'password'].includes(field ?? '') && (
        <p className="bad" role="alert">
          {words}
        </p>
      )}
      <Button type="submit" loading={create.isPending}>
        Add the user
      </Button>
    </form>
  )
}
