import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { AdjustDraft, GrantDraft, LedgerTerms, RefundDraft } from '@/wire'
import { api } from './client'
import { keys } from './keys'

export type {
  AccountBalance,
  Balance,
  Grant,
  Hold,
  Posting,
  Statement,
  UnitStatement,
} from '@/wire'

const LIST_PAGE = 50
const FRESH_MS = 10_000

/** What an account has, by unit. */
export function useBalance(account: string) {
  return useQuery({
    queryKey: keys.creditOf(account, 'balance'),
    queryFn: ({ signal }) =>
      api.get('/api/v1/accounts/{id}/balance', { path: { id: account }, signal }),
    staleTime: FRESH_MS,
  })
}

/** The credit that was given, the newest first, page by page. */
export function useGrants(account: string) {
  return useInfiniteQuery({
    queryKey: keys.creditOf(account, 'grants'),
    queryFn: ({ pageParam, signal }) =>
      api.get('/api/v1/accounts/{id}/grants', { ...pageOf(account, pageParam), signal }),
    ...PAGES,
  })
}

/** What is or was set aside, the newest first, page by page. */
export function useHolds(account: string) {
  return useInfiniteQuery({
    queryKey: keys.creditOf(account, 'holds'),
    queryFn: ({ pageParam, signal }) =>
      api.get('/api/v1/accounts/{id}/holds', { ...pageOf(account, pageParam), signal }),
    ...PAGES,
  })
}

/** All that was posted, the newest first, page by page. */
export function usePostings(account: string) {
  return useInfiniteQuery({
    queryKey: keys.creditOf(account, 'ledger'),
    queryFn: ({ pageParam, signal }) =>
      api.get('/api/v1/accounts/{id}/ledger', { ...pageOf(account, pageParam), signal }),
    ...PAGES,
  })
}

function pageOf(account: string, cursor: string) {
  return {
    path: { id: account },
    query: { limit: LIST_PAGE, cursor: cursor === '' ? undefined : Number(cursor) },
  }
}

const PAGES = {
  initialPageParam: '',
  getNextPageParam: (page: { next_cursor: string | null }) => page.next_cursor ?? undefined,
  staleTime: FRESH_MS,
}

/** What happened in a month. */
export function useStatement(account: string, period: string, tz: string) {
  return useQuery({
    queryKey: keys.creditOf(account, 'statement', period, tz),
    queryFn: ({ signal }) =>
      api.get('/api/v1/accounts/{id}/statement', {
        path: { id: account },
        query: { period, tz },
        signal,
      }),
    staleTime: FRESH_MS,
  })
}

/** Whatever moves credit changes every part of what is shown of it. */
function useAsksAgain() {
  const client = useQueryClient()
  return () => client.invalidateQueries({ queryKey: keys.credit() })
}

export function useGiveCredit(account: string) {
  const onSuccess = useAsksAgain()
  return useMutation({
    mutationFn: (body: GrantDraft) =>
      api.post('/api/v1/accounts/{id}/grants', { path: { id: account }, body }),
    onSuccess,
  })
}

export function useSetTerms(account: string) {
  const onSuccess = useAsksAgain()
  return useMutation({
    mutationFn: (body: LedgerTerms) =>
      api.put('/api/v1/accounts/{id}/terms', { path: { id: account }, body }),
    onSuccess,
  })
}

export function useAdjust(account: string) {
  const onSuccess = useAsksAgain()
  return useMutation({
    mutationFn: (body: AdjustDraft) =>
      api.post('/api/v1/accounts/{id}/adjustments', { path: { id: account }, body }),
    onSuccess,
  })
}

export function useRefund(account: string) {
  const onSuccess = useAsksAgain()
  return useMutation({
    mutationFn: (body: RefundDraft) =>
      api.post('/api/v1/accounts/{id}/refunds', { path: { id: account }, body }),
    onSuccess,
  })
}
