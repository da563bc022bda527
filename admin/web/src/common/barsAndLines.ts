/** What charts of bars and lines need of ECharts, and the look that they share. */
import { BarChart, LineChart, type BarSeriesOption, type LineSeriesOption } from 'echarts/charts'
import {
  GridComponent,
  LegendComponent,
  TooltipComponent,
  type GridComponentOption,
  type LegendComponentOption,
  type TooltipComponentOption,
} from 'echarts/components'
import { use, type ComposeOption } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'

use([BarChart, LineChart, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer])

export type BarsAndLines = ComposeOption<
  BarSeriesOption | LineSeriesOption | GridComponentOption | LegendComponentOption | TooltipComponentOption
>

export const GRID: GridComponentOption = {
  left: 8,
  right: 16,
  top: 36,
  bottom: 4,
  outerBoundsMode: 'same',
  outerBoundsContain: 'axisLabel',
}

/** Drawn on the canvas: an HTML tooltip carries inline styles, which the page's policy refuses. */
export const TOOLTIP: TooltipComponentOption = {
  trigger: 'axis',
  renderMode: 'richText',
  confine: true,
  borderColor: '#cfc8b9',
}

export function named(data: string[]): BarsAndLines['xAxis'] {
  return {
    type: 'category',
    data,
    axisTick: { show: false },
    axisLine: { lineStyle: { color: '#cfc8b9' } },
    axisLabel: { color: '#55625b', hideOverlap: true },
  }
}

/** Whole numbers of something. */
export const COUNTS: BarsAndLines['yAxis'] = {
  type: 'value',
  minInterval: 1,
  axisLabel: { color: '#6a766f' },
  splitLine: { lineStyle: { color: '#f0ece3' } },
}
