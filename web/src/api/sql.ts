import { useMutation, useQuery } from '@tanstack/react-query'
import { api } from './client'
import { keys } from './keys'

export type { SqlAnswer, SqlColumn, SqlTable } from '@/wire'

/** The tables that can be queried. */
export function useSqlSchema() {
  return useQuery({
    queryKey: keys.sqlSchema(),
    queryFn: async ({ signal }) => (await api.get('/api/v1/sql/schema', { signal })).tables,
    staleTime: Number.POSITIVE_INFINITY,
  })
}

/** Answers one query. */
export function useSql() {
  return useMutation({
    mutationFn: async (query: string) => ({
      query,
      answer: await api.post('/api/v1/sql', { body: { query } }),
    }),
  })
}
