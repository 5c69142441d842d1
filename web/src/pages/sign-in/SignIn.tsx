import { Button, PasswordInput, TextInput } from '@mantine/core'
import { type FormEvent, useEffect, useRef, useState } from 'react'
import { useLocation } from 'wouter'
import { ApiError } from '@/api/client'
import { useSignIn, useSignInByLink } from '@/api/session'
import { Logo } from '@/ui/Logo'
import { messageOf, sentence } from '@/ui/States'
import classes from './SignIn.module.css'

/** Lets people in, by password or by a link that works once. */
export function SignIn() {
  const link = useLinkToken()
  const [, navigate] = useLocation()
  const signIn = useSignIn()
  const [user, setUser] = useState('')
  const [password, setPassword] = useState('')
  const error = signIn.error ?? link.error

  const submit = (event: FormEvent) => {
    event.preventDefault()
    signIn.mutate({ user, password }, { onSuccess: () => leaveSignIn(navigate) })
  }
  return (
    <main className={classes.page}>
      <div className={classes.card}>
        <h1 className={classes.brand}>
          <Logo size={28} />
          Outlay
        </h1>
        {link.isPending ? (
          <p role="status">Signing you in by the link…</p>
        ) : (
          <form className={classes.form} onSubmit={submit}>
            <TextInput
              label="User"
              name="username"
              autoComplete="username"
              autoCapitalize="none"
              autoFocus
              required
              withAsterisk={false}
              value={user}
              onChange={(event) => setUser(event.currentTarget.value)}
            />
            <PasswordInput
              label="Password"
              name="password"
              autoComplete="current-password"
              required
              withAsterisk={false}
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
            />
            {error && <SignInError error={error} byLink={signIn.error === null} />}
            <Button type="submit" loading={signIn.isPending} fullWidth>
              Sign in
            </Button>
          </form>
        )}
      </div>
      <p className={classes.foot}>What AI and API usage costs, exactly and live.</p>
    </main>
  )
}

function SignInError({ error, byLink }: { error: Error; byLink: boolean }) {
  return (
    <div className={classes.error} role="alert">
      <p>{explain(error, byLink)}</p>
    </div>
  )
}

function explain(error: Error, byLink: boolean): string {
  if (byLink && error instanceof ApiError && error.status > 0 && error.status < 500) {
    return 'This sign-in link was used already or is too old. Sign in with a password, or ask an admin for a new link. Whoever runs the server makes one with `outlay user link NAME`.'
  }
  return sentence(messageOf(error))
}

/** Redeems the token behind the `#` of a sign-in link, and takes it out of the address bar. */
function useLinkToken() {
  const { mutate, ...redeemed } = useSignInByLink()
  const [, navigate] = useLocation()
  const [token] = useState(() => new URLSearchParams(window.location.hash.slice(1)).get('token'))
  // Effects run twice in development; a link works once.
  const tried = useRef(false)
  useEffect(() => {
    if (!token || tried.current) return
    tried.current = true
    history.replaceState(history.state, '', window.location.pathname)
    mutate(token, { onSuccess: () => leaveSignIn(navigate) })
  }, [token, mutate, navigate])
  return redeemed
}

/** After signing in people see the page they asked for; `/sign-in` itself leads to the overview. */
function leaveSignIn(navigate: (to: string, options: { replace: boolean }) => void) {
  if (window.location.pathname === '/sign-in') navigate('/', { replace: true })
}
