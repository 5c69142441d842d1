import { useInfiniteQuery } from '@tanstack/react-query'
import { api } from './client'
import { keys } from './keys'

export type { AuditLine } from '@/wire'

/** What the trail is narrowed to. */
export interface AuditAsked {
  actor?: string
  action?: string
  target?: string
}

const PAGE = 100

/** The trail of what was done, the newest first, page by page. */
export function useAudit(asked: AuditAsked) {
  return useInfiniteQuery({
    queryKey: keys.audit(asked),
    queryFn: ({ pageParam, signal }) => {
      const query = { ...asked, limit: PAGE, cursor: pageParam ? Number(pageParam) : undefined }
      return api.get('/api/v1/audit', { query, signal })
    },
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  })
}
