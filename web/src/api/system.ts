import { useQuery } from '@tanstack/react-query'
import { get } from './client'

export type CheckStatus = 'ok' | 'warning' | 'failing'

/** Something that was looked at, with its figures in a line. */
export interface Check {
  name: string
  status: CheckStatus
  text: string
}

/** Something that goes on in the background, and is started again when it ends in a panic. */
export interface Task {
  name: string
  /** `failing` where its last turn failed, `down` where that ended in a panic. */
  state: 'ok' | 'failing' | 'down' | 'ended'
  panics_total: number
  last_error: string | null
  beat_at: string
}

/** How the server does: what must work, and what it takes. */
export interface System {
  version: string
  started_at: string
  uptime_seconds: number
  /** `degraded` where a check warns, `failing` where one fails. */
  status: 'ok' | 'degraded' | 'failing'
  checks: Check[]
  /** What goes on in the background; an older server says nothing of it. */
  tasks?: Task[]
  /** What comes in, counted since the start. */
  ingest: {
    events_total: number
    repeated_total: number
    refused_total: number
    commits_total: number
    /** How long a batch took at most until it was on the disk; nothing before the first one. */
    commit_ms: { p50: number; p99: number } | null
    queued: number
    queue_max: number
  }
  history: {
    events: number
    /** Those that are in memory and in the log only. */
    tail_events: number
    segments: number
    bytes: number
    /** Of the events in segments. */
    oldest: string | null
    newest: string | null
  }
  /** The keys that repeats are known by. */
  keys: { count: number; runs: number; memory_bytes: number; disk_bytes: number }
  /** Nothing where the system does not tell. */
  memory_bytes: number | null
  disk: { free_bytes: number; total_bytes: number } | null
  books_bytes: number
  live: { sockets: number }
  prices: { rows: number; unpriced_events: number }
}

/** How often it is looked at. */
export const LOOK_EVERY_SECONDS = 5

export function useSystem({ enabled = true } = {}) {
  return useQuery({
    queryKey: ['system'],
    queryFn: ({ signal }) => get<System>('/system', [], signal),
    refetchInterval: LOOK_EVERY_SECONDS * 1_000,
    enabled,
  })
}
