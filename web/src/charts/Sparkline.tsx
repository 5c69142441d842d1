import { drawn, type Reading } from '@/lib/measures'

interface SparklineProps {
  readings: Reading[]
  /** The bucket that is not over yet, drawn lighter. */
  running: number
}

const WIDTH = 132
const HEIGHT = 34

/** Small bars as wide as their place, beside a figure; the figure says it in words, so they are hidden from readers. */
export function Sparkline({ readings, running }: SparklineProps) {
  const values = readings.map((reading) => Math.max(0, drawn(reading) ?? 0))
  const max = Math.max(...values, Number.MIN_VALUE)
  const step = WIDTH / Math.max(1, values.length)
  const gap = Math.min(2, step * 0.25)
  return (
    <svg
      width="100%"
      height={HEIGHT}
      preserveAspectRatio="none"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      aria-hidden="true"
      focusable="false"
    >
      {values.map((value, at) => {
        const height = value > 0 ? Math.max(1.5, (value / max) * HEIGHT) : 1
        return (
          <rect
            // biome-ignore lint/suspicious/noArrayIndexKey: a bucket is its place
            key={at}
            x={at * step}
            y={HEIGHT - height}
            width={step - gap}
            height={height}
            rx={Math.min(1, (step - gap) / 3)}
            fill={value > 0 ? 'var(--accent)' : 'var(--line-strong)'}
            opacity={at === running ? 0.5 : 0.85}
          />
        )
      })}
    </svg>
  )
}
