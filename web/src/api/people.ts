import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
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

/** A deployment has tens of users; more than this many are managed by commands. */
const LISTED_MAX = 200

export function useUsers({ enabled = true } = {}) {
  return useQuery({
    queryKey: keys.users(),
    queryFn: async ({ signal }) =>
      (await api.get('/api/v1/users', { query: { limit: LISTED_MAX }, signal })).items,
    enabled,
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
  'metrics:read': "Read the server's metrics",
  admin: 'Everything its user may do',
} as const satisfies Record<Scope, string>

/** The scopes that are of use to a key of a user with this role. */
export function scopesFor(role: Role): Scope[] {
  if (role === 'admin') return Object.keys(SCOPES) as Scope[]
  return role === 'member' ? ['events:write', 'usage:read', 'prices:read'] : []
}

export function useKeys({ enabled = true } = {}) {
  return useQuery({
    queryKey: keys.apiKeys(),
    queryFn: async ({ signal }) =>
      (await api.get('/api/v1/keys', { query: { limit: LISTED_MAX }, signal })).items,
    enabled,
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
