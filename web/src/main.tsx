import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core'
import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { keys } from './api/keys'
import { firstQuestions } from './early'
import '@fontsource-variable/inter'
import '@/ui/mantine.css'
import '@/ui/base.css'
import { ApiError } from '@/api/client'
import { followOtherTabs, sessionQuery } from '@/api/session'
import { usageQuery } from '@/api/usage'
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

/** How long the first drawing waits for answers that are on their way already. */
const PATIENCE_MS = 60

/** What was asked early, as far as it is there: drawn at once, it need not be drawn twice. */
async function firstAnswers() {
  const session = await client.fetchQuery(sessionQuery).catch(() => null)
  if (!session) return
  const questions = firstQuestions(session)
  await Promise.all(
    questions.map(([kind, question]) => client.prefetchQuery(usageQuery(kind, question))),
  )
}

await Promise.race([firstAnswers(), new Promise((done) => setTimeout(done, PATIENCE_MS))])

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
