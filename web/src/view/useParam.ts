import { useCallback } from 'react'
import { useLocation, useSearch } from 'wouter'

/** One word of the URL's query, and a way to change it; `null` takes it out. */
export function useParam(
  name: string,
): [string | null, (value: string | null, options?: { replace?: boolean }) => void] {
  const search = useSearch()
  const [, navigate] = useLocation()
  const change = useCallback(
    (value: string | null, options?: { replace?: boolean }) => {
      const query = new URLSearchParams(search)
      if (value === null) query.delete(name)
      else query.set(name, value)
      const text = query.toString()
      const path = window.location.pathname
      navigate(text ? `${path}?${text}` : path, options)
    },
    [name, search, navigate],
  )
  return [new URLSearchParams(search).get(name), change]
}
