import classes from './ReadableChart.module.css'

const HEIGHTS = [
  38, 52, 46, 64, 58, 30, 26, 55, 66, 60, 72, 68, 40, 34, 62, 70, 76, 66, 80, 48, 42, 74,
]

/** Grey bars where the bars will be. */
export function ChartSkeleton({ height }: { height: number }) {
  return (
    <div className={classes.skeleton} style={{ height }} role="status">
      <span className="visually-hidden">The chart is loading</span>
      {HEIGHTS.map((size, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the bars never change
        <span key={at} style={{ height: `${size}%` }} />
      ))}
    </div>
  )
}
