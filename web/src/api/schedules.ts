import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { Day } from '@/lib/time'
import type { ExportRun, ExportSchedule, ExportScheduleDraft } from '@/wire'
import { api } from './client'
import { keys } from './keys'

export type { ExportFile, ExportRun, ExportSchedule, ExportScheduleDraft } from '@/wire'

/** That a file is begun is not told, only that it is there; it is looked for while one is due. */
const LOOK_EVERY_MS = 2_000

/** Every schedule, with its next and its last file. For admins. */
export function useSchedules({ enabled = true } = {}) {
  return useQuery({
    queryKey: keys.scheduleList(),
    queryFn: async ({ signal }) => (await api.get('/api/v1/export-schedules', { signal })).items,
    refetchInterval: ({ state }) => (state.data?.some(isBusy) ? LOOK_EVERY_MS : false),
    enabled,
  })
}

/**
 * The files of a schedule, and what became of those that are not there. They are asked for again when the
 * schedules were, and of one that was there when it was seen last: of one that is gone there are none.
 */
export function useRuns(id: string, seenAt: number) {
  return useQuery({
    queryKey: keys.scheduleRuns(id, seenAt),
    queryFn: async ({ signal }) =>
      (await api.get('/api/v1/export-schedules/{id}/runs', { path: { id }, signal })).items,
    refetchInterval: ({ state }) => (state.data?.some(isWaiting) ? LOOK_EVERY_MS : false),
    placeholderData: (before, query) => (query?.queryKey[2] === id ? before : undefined),
    gcTime: LOOK_EVERY_MS,
  })
}

const isWaiting = ({ state }: ExportRun) => state === 'waiting'
const isBusy = ({ last }: ExportSchedule) => last !== null && isWaiting(last)

function useAsksAgain() {
  const client = useQueryClient()
  return () => client.invalidateQueries({ queryKey: keys.scheduleList() })
}

/** Makes a schedule, or changes the one with the id. */
export function useSaveSchedule(id: string | null) {
  const onSuccess = useAsksAgain()
  return useMutation({
    mutationFn: (draft: ExportScheduleDraft) =>
      id === null
        ? api.post('/api/v1/export-schedules', { body: draft })
        : api.put('/api/v1/export-schedules/{id}', { path: { id }, body: draft }),
    onSuccess,
  })
}

export function useRemoveSchedule() {
  const onSuccess = useAsksAgain()
  return useMutation({
    mutationFn: (id: string) => api.delete('/api/v1/export-schedules/{id}', { path: { id } }),
    onSuccess,
  })
}

/** Has the file of a period made: of the one that begins with the day, or of the last that is over. */
export function useRunSchedule() {
  const onSuccess = useAsksAgain()
  return useMutation({
    mutationFn: ({ id, firstDay }: { id: string; firstDay?: Day }) =>
      api.post('/api/v1/export-schedules/{id}/runs', {
        path: { id },
        body: { first_day: firstDay },
      }),
    onSuccess,
  })
}

export function useRemoveFile(id: string) {
  const onSuccess = useAsksAgain()
  return useMutation({
    mutationFn: (run: string) =>
      api.delete('/api/v1/export-schedules/{id}/runs/{run}', { path: { id, run } }),
    onSuccess,
  })
}

/** Where the file of a run is. */
export function fileHref(id: string, run: string): string {
  return api.address('/api/v1/export-schedules/{id}/runs/{run}/file', { path: { id, run } })
}
