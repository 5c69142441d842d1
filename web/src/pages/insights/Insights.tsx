import { FilterBar } from '../frame/FilterBar'
import { DriversPanel } from './DriversPanel'
import classes from './Insights.module.css'
import { RecommendationsPanel } from './RecommendationsPanel'
import { SpendInsightPanels } from './SpendInsightPanels'

/** What is normal, what changed and why, what comes next, and what to do. */
export default function Insights() {
  return (
    <div className={classes.page}>
      <h1 className="visually-hidden">Insights</h1>
      <FilterBar />
      <SpendInsightPanels />
      <DriversPanel />
      <RecommendationsPanel />
    </div>
  )
}
