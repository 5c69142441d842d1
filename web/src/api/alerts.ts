import {
  keepPreviousData,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query'
import type { WireScope } from '@/lib/filters'
import type { Measure } from '@/lib/measures'
import { hoursFromNow } from '@/lib/time'
import { get, send } from './client'
import { useSession } from './session'

export const ALERTS_KEY = 'alerts'

export type AlertState = 'open' | 'acknowledged' | 'resolved'

export type AlertSeverity = 'info' | 'warning' | 'critical'

/** One time that a condition held. */
export interface Alert {
  id: string
  rule: { id: string; name: string }
  state: AlertState
  severity: AlertSeverity
  title: string
  detail: string
  /** The page that shows the usage behind it. */
  path: string | null
  opened_at: string
  updated_at: string
  acknowledged_by: string | null
  acknowledged_at: string | null
  resolved_at: string | null
  /** Nobody where the condition went away by itself. */
  resolved_by: string | null
  snoozed_until: string | null
}

export interface AlertPage {
  items: Alert[]
  /** How many are open and not silent, on this page or not. */
  open: number
  next_cursor: string | null
}

const PAGE = '50'
/** A snooze ends, and an alert ages, without the socket saying so. */
const REFETCH_MS = 60_000

/** The alerts in a state, of a severity and a rule where these are named, the newest first. */
export function useAlerts(state: AlertState, severity: AlertSeverity | null, rule: string | null) {
  return useInfiniteQuery({
    queryKey: [ALERTS_KEY, 'list', state, severity, rule],
    queryFn: ({ pageParam, signal }) => {
      const query: [string, string][] = [
        ['state', state],
        ['limit', PAGE],
      ]
      if (severity) query.push(['severity', severity])
      if (rule) query.push(['rule', rule])
      if (pageParam) query.push(['cursor', pageParam])
      return get<AlertPage>('/alerts', query, signal)
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
    queryFn: async ({ signal }) => {
      const query: [string, string][] = [
        ['state', 'open'],
        ['limit', '1'],
      ]
      return (await get<AlertPage>('/alerts', query, signal)).open
    },
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
    mutationFn: ({ id, deed }: { id: string; deed: Deed }) =>
      typeof deed === 'string'
        ? send<Alert>('POST', `/alerts/${id}/${deed}`)
        : send<Alert>('POST', `/alerts/${id}/snooze`, { until: hoursFromNow(deed.snooze) }),
    onSuccess: () => client.invalidateQueries({ queryKey: [ALERTS_KEY] }),
  })
}

export type SpikeSeverity = 'low' | 'medium' | 'high' | 'critical'

/** What is watched. */
export type Condition =
  | { kind: 'budget' }
  | { kind: 'unpriced' }
  | { kind: 'above'; measure: Measure; hours: number; limit: string; scope?: WireScope }
  | { kind: 'anomaly'; severity?: SpikeSeverity; scope?: WireScope }
  | { kind: 'change'; scope?: WireScope }
  | { kind: 'silence'; hours: number; scope?: WireScope }
  | { kind: 'health' }

export interface RuleDraft {
  name: string
  severity: AlertSeverity
  enabled: boolean
  condition: Condition
}

/** A condition that somebody watches. */
export interface AlertRule extends RuleDraft {
  id: string
}

const RULES_KEY = 'alert-rules'

export function useAlertRules() {
  return useQuery({
    queryKey: [RULES_KEY],
    queryFn: async ({ signal }) =>
      (await get<{ items: AlertRule[] }>('/alert-rules', [], signal)).items,
  })
}

const ruleOf = (id: string) => `/alert-rules/${encodeURIComponent(id)}`

/** Makes a rule, or changes the one with the id. */
export function useSaveRule() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ id, draft }: { id: string | null; draft: RuleDraft }) =>
      id === null
        ? send<AlertRule>('POST', '/alert-rules', draft)
        : send<AlertRule>('PUT', ruleOf(id), draft),
    onSuccess: () => refreshed(client),
  })
}

export function useRemoveRule() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (id: string) => send<unknown>('DELETE', ruleOf(id)),
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
