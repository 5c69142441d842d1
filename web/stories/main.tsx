import { MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { createRoot } from 'react-dom/client'
import '@fontsource-variable/inter'
import '@/ui/mantine.css'
import '@/ui/base.css'
import { keys } from '@/api/keys'
import { resolveVariables, theme } from '@/ui/theme'
import { answerAll, SESSION } from './answers'
import { CHARTS } from './charts'
import { PARTS } from './parts'
import classes from './stories.module.css'
import { WIDGETS } from './widgets'

answerAll()

const client = new QueryClient({ defaultOptions: { queries: { retry: false } } })
client.setQueryData(keys.session(), SESSION)

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no #root')

createRoot(root).render(
  <MantineProvider theme={theme} cssVariablesResolver={resolveVariables} defaultColorScheme="auto">
    <QueryClientProvider client={client}>
      <main className={classes.sheet}>
        {Object.entries({ ...PARTS, ...CHARTS, ...WIDGETS }).map(([name, Story]) => (
          <section key={name} className={classes.story} aria-label={name}>
            <h2 className={classes.name}>{name}</h2>
            <Story />
          </section>
        ))}
      </main>
    </QueryClientProvider>
  </MantineProvider>,
)
