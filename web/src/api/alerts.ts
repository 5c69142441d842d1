import {
  keepPreviousData,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query'
import { hoursFromNow } from '@/lib/time'
import { api, type Shape } from './client'
import { useSession } from './session'

export const ALERTS_KEY = 'alerts'

export type AlertState = Shape<'AlertState'>

export type AlertSeverity = Shape<'AlertSeverity'>

/** One time that a condition held. */
export type Alert = Shape<'AlertBody'>

export type AlertPage = Shape<'AlertPage'>

const PAGE = 50
/** A snooze ends, and an alert ages, without the socket saying so. */
const REFETCH_MS = 60_000

/** The alerts in a state, of a severity and a rule where these are named, the newest first. */
export function useAlerts(state: AlertState, severity: AlertSeverity | null, rule: string | null) {
  return useInfiniteQuery({
    queryKey: [ALERTS_KEY, 'list', state, severity, rule],
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
    refetchInterval: REFETCH_MS,
  })
}

/** How many alerts wait for somebody. They are about everybody, so members have none. */
export function useOpenAlerts() {
  const { scope } = useSession()
  return useQuery({
    queryKey: [ALERTS_KEY, 'open'],
    queryFn: async ({ signal }) =>
      (await api.get('/api/v1/alerts', { query: { state: 'open', limit: 1 }, signal })).open,
    placeholderData: keepPreviousData,
    refetchInterval: REFETCH_MS,
    enabled: scope === null,
  })
}

export type Deed = 'acknowledge' | 'resolve' | { snooze: number }

/** Acknowledges, closes or, for some hours, silences an alert. */
export function useSeeTo() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ id, deed }: { id: string; deed: Deed }) => {
      const path = { id }
      if (typeof deed === 'string') return api.post(`/api/v1/alerts/{id}/${deed}`, { path })
      const body = { until: hoursFromNow(deed.snooze) }
      return api.post('/api/v1/alerts/{id}/snooze', { path, body })
    },
    onSuccess: () => client.invalidateQueries({ queryKey: [ALERTS_KEY] }),
  })
}

export type SpikeSeverity = Shape<'AnomalySeverity'>

/** What is watched. */
export type Condition = Shape<'AlertCondition'>

export type RuleDraft = Omit<AlertRule, 'id'>

/** A condition that somebody watches. */
export type AlertRule = Shape<'RuleBody'>

const RULES_KEY = 'alert-rules'

export function useAlertRules() {
  return useQuery({
    queryKey: [RULES_KEY],
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
    client.invalidateQueries({ queryKey: [RULES_KEY] }),
    client.invalidateQueries({ queryKey: [ALERTS_KEY] }),
  ])
}
