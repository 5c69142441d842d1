import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core'
import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { keys } from './api/keys'
import '@fontsource-variable/inter'
import '@/ui/mantine.css'
import '@/ui/base.css'
import { ApiError } from '@/api/client'
import { followOtherTabs } from '@/api/session'
import { healQueries } from '@/live/recovery'
import { ErrorBoundary } from '@/ui/ErrorBoundary'
import { resolveVariables, theme } from '@/ui/theme'
import { App } from './App'

/** How often a call is tried again that may work the next time. */
const RETRIES = 2

const client = new QueryClient({
  queryCache: new QueryCache({
    // A session that ended elsewhere ends here too.
    onError: (error) => {
      if (error instanceof ApiError && error.status === 401)
        client.setQueryData(keys.session(), null)
    },
  }),
  defaultOptions: {
    queries: {
      retry: (failures, error) =>
        failures < RETRIES && error instanceof ApiError && error.isPassing,
      retryDelay: (attempt) => 400 * 2 ** attempt,
      refetchOnWindowFocus: false,
    },
  },
})

healQueries(client)
followOtherTabs(client)

// The same key as in public/theme.js, which runs before the first paint.
const schemes = localStorageColorSchemeManager({ key: 'outlay-theme' })

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no #root')

createRoot(root).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={resolveVariables}
      colorSchemeManager={schemes}
      defaultColorScheme="auto"
    >
      <QueryClientProvider client={client}>
        <ErrorBoundary what="Outlay">
          <App />
        </ErrorBoundary>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
)
