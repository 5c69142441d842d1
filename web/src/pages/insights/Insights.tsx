import { FilterBar } from '@/widgets/FilterBar'
import { DriversPanel } from './DriversPanel'
import classes from './Insights.module.css'
import { RecommendationsPanel } from './RecommendationsPanel'
import { SpendInsightPanels } from './SpendInsightPanels'

/** What is normal, what changed and why, what comes next, and what to do. */
export default function Insights() {
  return (
    <div className={classes.page}>
      <FilterBar />
      <SpendInsightPanels />
      <DriversPanel />
      <RecommendationsPanel />
    </div>
  )
}
