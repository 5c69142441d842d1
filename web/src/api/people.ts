import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { get, send } from './client'
import type { Role } from './session'

/** Somebody who can sign in or send usage. */
export interface User {
  id: string
  name: string
  account: string
  role: Role
  created_at: string
  disabled_at: string | null
  has_password: boolean
}

export interface NewUser {
  id: string
  name?: string
  account?: string
  role: Role
  password?: string
}

export type UserChange = Partial<Pick<User, 'name' | 'account' | 'role'>> & { disabled?: boolean }

interface Page<Item> {
  items: Item[]
  next_cursor: string | null
}

/** A deployment has tens of users; more than this many are managed by commands. */
const LISTED_MAX = '200'

export function useUsers({ enabled = true } = {}) {
  return useQuery({
    queryKey: ['users'],
    queryFn: async ({ signal }) =>
      (await get<Page<User>>('/users', [['limit', LISTED_MAX]], signal)).items,
    enabled,
  })
}

export function useCreateUser() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (user: NewUser) => send<User>('POST', '/users', user),
    onSuccess: () => client.invalidateQueries({ queryKey: ['users'] }),
  })
}

export function useChangeUser() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ id, ...change }: UserChange & { id: string }) =>
      send<User>('PATCH', `/users/${encodeURIComponent(id)}`, change),
    onSuccess: () => client.invalidateQueries({ queryKey: ['users'] }),
  })
}

/** A link that signs a user in, once. */
export interface SignInLink {
  user: string
  url: string
  expires_at: string
}

export function useIssueLink() {
  return useMutation({
    mutationFn: (id: string) => send<SignInLink>('POST', `/users/${encodeURIComponent(id)}/link`),
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
    mutationFn: ({ id, ...change }: PasswordChange) =>
      send<unknown>('PATCH', `/users/${encodeURIComponent(id)}`, change),
    onSuccess: () => client.invalidateQueries({ queryKey: ['session'] }),
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
} as const

export type Scope = keyof typeof SCOPES

/** The scopes that are of use to a key of a user with this role. */
export function scopesFor(role: Role): Scope[] {
  if (role === 'admin') return Object.keys(SCOPES) as Scope[]
  return role === 'member' ? ['events:write', 'usage:read', 'prices:read'] : []
}

export interface ApiKey {
  id: string
  /** How the secret begins, to know it again by. */
  prefix: string
  name: string
  user: string
  scopes: Scope[]
  account?: string | null
  created_at: string
  expires_at?: string | null
  last_used_at?: string | null
  revoked_at?: string | null
  /** Whether it counts now. */
  state: 'active' | 'expired' | 'revoked'
}

export interface NewKey {
  name: string
  scopes: Scope[]
  account?: string
  expires_at?: string
}

/** A key with its secret, which is told this once. */
export type CreatedKey = ApiKey & { secret: string }

export function useKeys({ enabled = true } = {}) {
  return useQuery({
    queryKey: ['keys'],
    queryFn: async ({ signal }) =>
      (await get<Page<ApiKey>>('/keys', [['limit', LISTED_MAX]], signal)).items,
    enabled,
  })
}

export function useCreateKey() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (key: NewKey) => send<CreatedKey>('POST', '/keys', key),
    onSuccess: () => client.invalidateQueries({ queryKey: ['keys'] }),
  })
}

export function useRevokeKey() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (id: string) => send<unknown>('DELETE', `/keys/${encodeURIComponent(id)}`),
    onSuccess: () => client.invalidateQueries({ queryKey: ['keys'] }),
  })
}
