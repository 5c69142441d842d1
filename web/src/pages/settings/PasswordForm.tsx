import { Button, PasswordInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { ApiError } from '@/api/client'
import { useChangePassword } from '@/api/people'
import { useSession } from '@/api/session'
import classes from '@/ui/form.module.css'
import { messageOf, sentence } from '@/ui/States'

const CHARS_MIN = 10

/** Changes one's own password. After signing in by a link there may be no present one to say. */
export function PasswordForm() {
  const { user, has_password } = useSession()
  const change = useChangePassword()
  const [opened, setOpened] = useState(false)
  const [current, setCurrent] = useState('')
  const [password, setPassword] = useState('')

  const submit = (event: FormEvent) => {
    event.preventDefault()
    const body = { id: user.id, current_password: current || undefined, password }
    change.mutate(body, {
      onSuccess: () => {
        setCurrent('')
        setPassword('')
        setOpened(false)
      },
    })
  }
  if (!opened) {
    return (
      <div className={classes.inline}>
        <Button size="xs" variant="default" onClick={() => setOpened(true)}>
          {has_password ? 'Change your password' : 'Set a password'}
        </Button>
        {change.isSuccess && (
          <span className="small" role="status">
            Your password is changed. Other sessions are signed out.
          </span>
        )}
      </div>
    )
  }
  const currentError = errorOf(change.error, 'current_password')
  return (
    <form className={classes.form} onSubmit={submit}>
      {/* Tells a password manager whose password this is. */}
      <input type="text" autoComplete="username" value={user.id} readOnly hidden />
      {has_password && (
        <PasswordInput
          label="Present password"
          description="Leave it empty if you just came in by a sign-in link."
          autoComplete="current-password"
          value={current}
          error={currentError}
          onChange={(event) => setCurrent(event.currentTarget.value)}
        />
      )}
      <PasswordInput
        label="New password"
        description={`${CHARS_MIN} characters or more. Length is what counts.`}
        autoComplete="new-password"
        minLength={CHARS_MIN}
        required
        withAsterisk={false}
        value={password}
        error={currentError ? undefined : errorOf(change.error)}
        onChange={(event) => setPassword(event.currentTarget.value)}
      />
      <div className={classes.inline}>
        <Button type="submit" size="xs" loading={change.isPending}>
          {has_password ? 'Change it' : 'Set it'}
        </Button>
        <Button size="xs" variant="subtle" color="gray" onClick={() => setOpened(false)}>
          Cancel
        </Button>
      </div>
    </form>
  )
}

/** The error's words, if it is about this field; without one, whatever it is about. */
function errorOf(error: unknown, field?: string): string | undefined {
  if (!error) return undefined
  const about = error instanceof ApiError ? error.field : undefined
  if (field && about !== field) return undefined
  return sentence(messageOf(error))
}
