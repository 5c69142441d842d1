import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { ApiError, get, rememberCsrfToken, send } from './client'

export type Role = 'admin' | 'member' | 'viewer'

/** Who is signed in, and what the deployment counts in. */
export interface Session {
  user: { id: string; name: string }
  role: Role
  /** Who pays for what they use. */
  account: string
  /** The one account they see; `null` is every account. */
  scope: string | null
  has_password: boolean
  csrf: string
  currency: string
  time_zone: string
  version: string
}

const KEY = ['session']

async function fetchSession(): Promise<Session | null> {
  try {
    return remembered(await get<Session>('/session'))
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null
    throw error
  }
}

function remembered(session: Session): Session {
  rememberCsrfToken(session.csrf)
  return session
}

/** The session; `null` for nobody. */
export function useSessionQuery() {
  return useQuery({ queryKey: KEY, queryFn: fetchSession, staleTime: Number.POSITIVE_INFINITY })
}

/** The session on pages that are shown to somebody signed in only. */
export function useSession(): Session {
  const { data } = useSessionQuery()
  if (!data) throw new Error('nobody is signed in')
  return data
}

export interface Credentials {
  user: string
  password: string
}

export function useSignIn() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (credentials: Credentials) =>
      send<Session>('POST', '/session', credentials).then(remembered),
    onSuccess: (session) => client.setQueryData(KEY, session),
  })
}

/** Redeems a sign-in link, which works once. */
export function useSignInByLink() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (token: string) =>
      send<Session>('POST', '/session/link', { token }).then(remembered),
    onSuccess: (session) => client.setQueryData(KEY, session),
  })
}

export function useSignOut() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: () => send<unknown>('DELETE', '/session'),
    onSuccess: () => {
      client.setQueryData(KEY, null)
      client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== KEY[0] })
    },
  })
}
