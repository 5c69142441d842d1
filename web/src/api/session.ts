import {
  type QueryClient,
  queryOptions,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query'
import type { Credentials, Session } from '@/wire'
import { ApiError, api, rememberCsrfToken } from './client'
import { keys } from './keys'

export type { Credentials, Role, Session } from '@/wire'

async function fetchSession(): Promise<Session | null> {
  try {
    return remembered(await api.get('/api/v1/session'))
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null
    throw error
  }
}

function remembered(session: Session): Session {
  rememberCsrfToken(session.csrf ?? '')
  return session
}

/** Who is signed in, as the cache knows it. */
export const sessionQuery = queryOptions({
  queryKey: keys.session(),
  queryFn: fetchSession,
  staleTime: Number.POSITIVE_INFINITY,
})

/** The session; `null` for nobody. */
export function useSessionQuery() {
  return useQuery(sessionQuery)
}

/** The session on pages that are shown to somebody signed in only. */
export function useSession(): Session {
  const { data } = useSessionQuery()
  if (!data) throw new Error('nobody is signed in')
  return data
}

export function useSignIn() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (body: Credentials) => api.post('/api/v1/session', { body }).then(remembered),
    onSuccess: (session) => {
      client.setQueryData(keys.session(), session)
      otherTabs()?.postMessage(SIGNED_IN)
    },
  })
}

/** Redeems a sign-in link, which works once. */
export function useSignInByLink() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (token: string) =>
      api.post('/api/v1/session/link', { body: { token } }).then(remembered),
    onSuccess: (session) => {
      client.setQueryData(keys.session(), session)
      otherTabs()?.postMessage(SIGNED_IN)
    },
  })
}

export function useSignOut() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: () => api.delete('/api/v1/session'),
    onSuccess: () => {
      forgetAll(client)
      otherTabs()?.postMessage(SIGNED_OUT)
    },
  })
}

/** Nobody is signed in any more, and nothing of what they saw stays. */
function forgetAll(client: QueryClient) {
  client.setQueryData(keys.session(), null)
  client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== keys.session()[0] })
}

const SIGNED_OUT = 'signed out'
const SIGNED_IN = 'signed in'
let channel: BroadcastChannel | null = null

/** The same page in other tabs, where the browser can tell them something. */
function otherTabs(): BroadcastChannel | null {
  if (!channel && 'BroadcastChannel' in globalThis) channel = new BroadcastChannel('outlay-session')
  return channel
}

/** Who signs out in one tab is out in all of them; who signs in is in, as whom they are now. */
export function followOtherTabs(client: QueryClient) {
  otherTabs()?.addEventListener('message', ({ data }) => {
    if (data === SIGNED_OUT) forgetAll(client)
    if (data === SIGNED_IN) client.resetQueries()
  })
}
