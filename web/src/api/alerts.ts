import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { get, send } from './client'

export const ALERTS_KEY = 'alerts'

export type AlertState = 'open' | 'acknowledged' | 'resolved'

export interface Alert {
  id: string
  rule: { id: string; name: string }
  state: AlertState
  severity: 'info' | 'warning' | 'critical'
  title: string
  detail: string
  path: string | null
  opened_at: string
  updated_at: string
  acknowledged_by: string | null
  resolved_at: string | null
  resolved_by: string | null
  snoozed_until: string | null
}

export interface AlertPage {
  items: Alert[]
  /** How many are open and not silent, on this page or not. */
  open: number
  next_cursor: string | null
}

export function useAlerts(states: AlertState[]) {
  return useQuery({
    queryKey: [ALERTS_KEY, states.join()],
    queryFn: ({ signal }) =>
      get<AlertPage>(
        '/alerts',
        [
          ['state', states.join()],
          ['limit', '200'],
        ],
        signal,
      ),
    placeholderData: keepPreviousData,
    refetchInterval: 60_000,
  })
}

/** Acknowledges, closes or, for some hours, silences an alert. */
export function useSeeTo() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ id, deed, hours }: { id: string; deed: Deed; hours?: number }) =>
      send<Alert>('POST', `/alerts/${id}/${deed}`, hours === undefined ? undefined : until(hours)),
    onSuccess: () => client.invalidateQueries({ queryKey: [ALERTS_KEY] }),
  })
}

export type Deed = 'acknowledge' | 'resolve' | 'snooze'

function until(hours: number) {
  return { until: new Date(Date.now() + hours * 3_600_000).toISOString() }
}
