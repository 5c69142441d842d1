import { Suspense } from 'react'
import { Link, Redirect, Route, Switch, useLocation } from 'wouter'
import { useSessionQuery } from './api/session'
import { Shell } from './pages/frame/Shell'
import { Overview } from './pages/overview/Overview'
import { SignIn } from './pages/sign-in/SignIn'
import { ErrorBoundary } from './ui/ErrorBoundary'
import { lazyPart } from './ui/lazyPart'
import { Empty, Failure, TableSkeleton } from './ui/States'

const Alerts = lazyPart(() => import('./pages/alerts/Alerts'))
const Budgets = lazyPart(() => import('./pages/budgets/Budgets'))
const Explore = lazyPart(() => import('./pages/explore/Explore'))
const Insights = lazyPart(() => import('./pages/insights/Insights'))
const Prices = lazyPart(() => import('./pages/prices/Prices'))
const Roi = lazyPart(() => import('./pages/roi/Roi'))
const Settings = lazyPart(() => import('./pages/settings/Settings'))
const SystemHealth = lazyPart(() => import('./pages/system/SystemHealth'))

export function App() {
  const session = useSessionQuery()
  const [path] = useLocation()
  if (session.isPending) return null
  if (session.isError)
    return <Failure what="Outlay" error={session.error} retry={session.refetch} />
  // Deep links stay in the address bar while people sign in.
  if (session.data === null) return <SignIn />
  return (
    <Shell>
      <ErrorBoundary key={path} what="This page">
        <Suspense fallback={<TableSkeleton rows={8} label="The page is loading" />}>
          <Switch>
            <Route path="/" component={Overview} />
            <Route path="/explore" component={Explore} />
            <Route path="/insights" component={Insights} />
            <Route path="/roi" component={Roi} />
            <Route path="/budgets" component={Budgets} />
            <Route path="/alerts" component={Alerts} />
            <Route path="/prices" component={Prices} />
            <Route path="/settings" component={Settings} />
            <Route path="/system" component={SystemHealth} />
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
    </Shell>
  )
}
