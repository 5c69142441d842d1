import { Suspense } from 'react'
import { Link, Redirect, Route, Switch, useLocation } from 'wouter'
import { useSession, useSessionQuery } from './api/session'
import { Shell } from './frame/Shell'
import { SignIn } from './pages/sign-in/SignIn'
import { pagesFor } from './registry'
import { ErrorBoundary } from './ui/ErrorBoundary'
import { Empty, Failure, TableSkeleton } from './ui/States'

export function App() {
  const session = useSessionQuery()
  if (session.isPending) return null
  if (session.isError)
    return <Failure what="Outlay" error={session.error} retry={session.refetch} />
  // Deep links stay in the address bar while people sign in.
  if (session.data === null) return <SignIn />
  return (
    <Shell>
      <Routes />
    </Shell>
  )
}

/** The page at the address. One that is not for whoever looks is none. */
function Routes() {
  const session = useSession()
  const [path] = useLocation()
  return (
    <ErrorBoundary key={path} what="This page">
      <Suspense fallback={<TableSkeleton rows={8} label="The page is loading" />}>
        <Switch>
          {pagesFor(session).map(({ path: at, Page }) => (
            <Route key={at} path={at} component={Page} />
          ))}
          <Route path="/sign-in">
            <Redirect to="/" replace />
          </Route>
          <Route>
            <Empty title="There is no such page">
              <Link href="/">To the overview</Link>
            </Empty>
          </Route>
        </Switch>
      </Suspense>
    </ErrorBoundary>
  )
}
