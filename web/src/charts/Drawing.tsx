import { memo } from 'react'
import classes from './Drawing.module.css'
import type { Layout } from './sheet'

interface DrawingProps {
  layout: Layout
  width: number
  height: number
}

/** A chart's axes and shapes. Colours are the page's own, so both themes and print are right. */
export const Drawing = memo(function Drawing({ layout, width, height }: DrawingProps) {
  const { plot, ticks, labels, ground, shapes, isBare } = layout
  const right = width - plot.right
  return (
    <svg
      className={classes.drawing}
      width={width}
      height={height}
      aria-hidden="true"
      focusable="false"
      data-chart
    >
      {ticks.map(({ value, y, text }) => (
        <g key={value}>
          {!isBare && <line className={classes.grid} x1={plot.left} x2={right} y1={y} y2={y} />}
          <text x={plot.left - 8} y={y} dy="0.35em" textAnchor="end">
            {text}
          </text>
        </g>
      ))}
      {shapes.map(({ key, path, fill, stroke, strokeWidth, dash, opacity }) => (
        <path
          key={key}
          d={path}
          fill={fill ?? 'none'}
          stroke={stroke}
          strokeWidth={strokeWidth}
          strokeDasharray={dash}
          strokeLinejoin="round"
          opacity={opacity}
        />
      ))}
      {!isBare && (
        <line className={classes.ground} x1={plot.left} x2={right} y1={ground} y2={ground} />
      )}
      {labels.map(({ x, text, anchor }) => (
        <text key={x} x={x} y={height - plot.bottom + 17} textAnchor={anchor}>
          {text}
        </text>
      ))}
    </svg>
  )
})
