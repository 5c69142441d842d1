// The part of ECharts that is used. Loaded by itself, after the page stands.
import { BarChart, LineChart } from 'echarts/charts'
import { GridComponent } from 'echarts/components'
import { type EChartsType, init, use } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'

use([BarChart, LineChart, GridComponent, CanvasRenderer])

export type Engine = EChartsType

export function createEngine(host: HTMLElement): Engine {
  return init(host, null, { renderer: 'canvas' })
}
