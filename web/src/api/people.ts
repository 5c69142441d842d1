import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import type { NewKey, NewUser, Scope, UserChange } from '@/wire'
import { api } from './client'
import { keys } from './keys'
import type { Role } from './session'

export type {
  ApiKey,
  CreatedKey,
  NewKey,
  NewUser,
  Scope,
  SignInLink,
  User,
  UserChange,
} from '@/wire'

/** What is asked for at a time. */
const PAGE = 200

/** Everybody who can sign in, by id, page by page. */
export function useUsers() {
  return useInfiniteQuery({
    queryKey: keys.users(),
    queryFn: ({ pageParam, signal }) => {
      const query = { limit: PAGE, cursor: pageParam ?? undefined }
      return api.get('/api/v1/users', { query, signal })
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
  })
}

export function useCreateUser() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (body: NewUser) => api.post('/api/v1/users', { body }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.users() }),
  })
}

export function useChangeUser() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ id, ...body }: UserChange & { id: string }) =>
      api.patch('/api/v1/users/{id}', { path: { id }, body }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.users() }),
  })
}

export function useIssueLink() {
  return useMutation({
    mutationFn: (id: string) => api.post('/api/v1/users/{id}/link', { path: { id } }),
  })
}

export interface PasswordChange {
  id: string
  current_password?: string
  password: string
}

/** Changes a password. One's own ends every other session, and this one gets a new token. */
export function useChangePassword() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ id, ...body }: PasswordChange) =>
      api.patch('/api/v1/users/{id}', { path: { id }, body }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.session() }),
  })
}

/** What a key may be for, in the words of the API. */
export const SCOPES = {
  'events:write': 'Send usage events',
  'events:amend': 'Correct and delete events',
  'usage:read': 'Ask questions about usage',
  'prices:read': 'Look at prices, ask for quotes',
  'prices:write': 'Change prices',
  'credit:write': 'Give accounts credit',
  'metrics:read': "Read the server's metrics",
  'annotations:write': 'Write onto charts what happened',
  admin: 'Everything its user may do',
} as const satisfies Record<Scope, string>

/** The scopes that are of use to a key of a user with this role. */
export function scopesFor(role: Role): Scope[] {
  if (role === 'admin') return Object.keys(SCOPES) as Scope[]
  return role === 'member' ? ['events:write', 'usage:read', 'prices:read', 'annotations:write'] : []
}

/** Keys, the newest first, page by page. */
export function useKeys() {
  return useInfiniteQuery({
    queryKey: keys.apiKeys(),
    queryFn: ({ pageParam, signal }) => {
      const query = { limit: PAGE, cursor: pageParam ?? undefined }
      return api.get('/api/v1/keys', { query, signal })
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
  })
}

export function useCreateKey() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (body: NewKey) => api.post('/api/v1/keys', { body }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.apiKeys() }),
  })
}

export function useRevokeKey() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (id: string) => api.delete('/api/v1/keys/{id}', { path: { id } }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.apiKeys() }),
  })
}
