import {
  infiniteQueryOptions,
  keepPreviousData,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query'
import { hoursFromNow } from '@/lib/time'
import type { AlertSeverity, AlertState, RuleDraft } from '@/wire'
import { api } from './client'
import { keys } from './keys'
import { useSession } from './session'

export type {
  Alert,
  AlertPage,
  AlertRule,
  AlertSeverity,
  AlertState,
  Condition,
  RuleDraft,
  SpikeSeverity,
} from '@/wire'

const PAGE = 50
/** A snooze ends, and an alert ages, without the socket saying so. */
const REFETCH_MS = 60_000

/** How long after somebody was about to look the alerts need not be asked for again. */
const FRESH_MS = 5_000

/** The alerts in a state, of a severity and a rule where these are named, the newest first. */
export function alertsQuery(
  state: AlertState,
  severity: AlertSeverity | null = null,
  rule: string | null = null,
) {
  return infiniteQueryOptions({
    queryKey: keys.alertList(state, severity, rule),
    queryFn: ({ pageParam: cursor, signal }) => {
      const query = {
        state,
        limit: PAGE,
        severity: severity ?? undefined,
        rule: rule ?? undefined,
        cursor: cursor ?? undefined,
      }
      return api.get('/api/v1/alerts', { query, signal })
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    staleTime: FRESH_MS,
  })
}

export function useAlerts(...asked: Parameters<typeof alertsQuery>) {
  return useInfiniteQuery({ ...alertsQuery(...asked), refetchInterval: REFETCH_MS })
}

/** How many alerts wait for somebody; of a member's, those about their own account alone. */
export function useOpenAlerts() {
  return useQuery({
    queryKey: keys.openAlerts(),
    queryFn: async ({ signal }) =>
      (await api.get('/api/v1/alerts', { query: { state: 'open', limit: 1 }, signal })).open,
    placeholderData: keepPreviousData,
    refetchInterval: REFETCH_MS,
    // The server says when there is another one; several bells need not ask one after the other.
    staleTime: REFETCH_MS,
  })
}

export type AlertAction = 'acknowledge' | 'resolve' | { snooze: number }

/** Acknowledges, closes or, for some hours, silences an alert. */
export function useActOn() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ id, action }: { id: string; action: AlertAction }) => {
      const path = { id }
      if (typeof action === 'string') return api.post(`/api/v1/alerts/{id}/${action}`, { path })
      const body = { until: hoursFromNow(action.snooze) }
      return api.post('/api/v1/alerts/{id}/snooze', { path, body })
    },
    onSuccess: () => client.invalidateQueries({ queryKey: keys.alerts() }),
  })
}

/** What is watched. It is the organisation's, so members do not see it. */
export function useAlertRules() {
  const { scope } = useSession()
  return useQuery({
    enabled: scope === null,
    queryKey: keys.alertRules(),
    queryFn: async ({ signal }) => (await api.get('/api/v1/alert-rules', { signal })).items,
  })
}

/** Makes a rule, or changes the one with the id. */
export function useSaveRule() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ id, draft }: { id: string | null; draft: RuleDraft }) =>
      id === null
        ? api.post('/api/v1/alert-rules', { body: draft })
        : api.put('/api/v1/alert-rules/{id}', { path: { id }, body: draft }),
    onSuccess: () => refreshed(client),
  })
}

export function useRemoveRule() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (id: string) => api.delete('/api/v1/alert-rules/{id}', { path: { id } }),
    onSuccess: () => refreshed(client),
  })
}

/** A rule that changes opens and resolves alerts. */
function refreshed(client: ReturnType<typeof useQueryClient>): Promise<unknown> {
  return Promise.all([
    client.invalidateQueries({ queryKey: keys.alertRules() }),
    client.invalidateQueries({ queryKey: keys.alerts() }),
  ])
}
