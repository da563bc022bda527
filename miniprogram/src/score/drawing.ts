/**
 * The two drawings of the score page, as SVG in a data URI: an image shows them alike in a browser and in WeChat,
 * sharp at every density, without a chart library. Words stand outside the drawing, in the page's own type.
 */
import type { GradeStep } from '../api/types'
import { shareOfRange } from './breakdown'

export function svgDataUri(svg: string): string {
  return `data:image/svg+xml,${encodeURIComponent(svg)}`
}

const GAUGE = { width: 300, height: 162, centreX: 150, centreY: 150, radius: 132, stroke: 14 }

/** A point on the gauge's half circle: share 0 at the left end, 1 at the right. */
function onArc(share: number, radius: number): [x: number, y: number] {
  const angle = Math.PI * (1 - share)
  return [
    round(GAUGE.centreX + radius * Math.cos(angle)),
    round(GAUGE.centreY - radius * Math.sin(angle)),
  ]
}

function arc(from: number, to: number, colour: string): string {
  const [x1, y1] = onArc(from, GAUGE.radius)
  const [x2, y2] = onArc(to, GAUGE.radius)
  return (
    `<path d="M${x1} ${y1}A${GAUGE.radius} ${GAUGE.radius} 0 0 1 ${x2} ${y2}" fill="none" ` +
    `stroke="${colour}" stroke-width="${GAUGE.stroke}" stroke-linecap="round"/>`
  )
}

/** The range as a half circle: the way to the total filled, a notch where each grade begins, a dot at the total. */
export function gaugeSvg(total: number, minimum: number, maximum: number, grades: readonly GradeStep[]): string {
  const share = shareOfRange(total, minimum, maximum)
  const notches = grades
    .map((grade) => shareOfRange(grade.minimum, minimum, maximum))
    .filter((at) => at > 0 && at < 1)
    .map((at) => {
      const [x1, y1] = onArc(at, GAUGE.radius - GAUGE.stroke / 2)
      const [x2, y2] = onArc(at, GAUGE.radius + GAUGE.stroke / 2)
      return `<path d="M${x1} ${y1}L${x2} ${y2}" stroke="#fff8e6" stroke-width="2.5"/>`
    })
    .join('')
  const [dotX, dotY] = onArc(share, GAUGE.radius)
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${GAUGE.width}" height="${GAUGE.height}" ` +
    `viewBox="0 0 ${GAUGE.width} ${GAUGE.height}">` +
    arc(0, 1, '#f0d9a0') +
    (share > 0 ? arc(0, share, '#d98e04') : '') +
    notches +
    `<circle cx="${dotX}" cy="${dotY}" r="11" fill="#fff"/><circle cx="${dotX}" cy="${dotY}" r="6.5" fill="#b26b00"/>` +
    `</svg>`
  )
}

const TREND = { width: 320, height: 96, marginX: 10, marginY: 14 }

/**
 * The trend's points in drawing coordinates: evenly spaced, around the middle between lowest and highest.
 *
 * `leastSpan` is how many hundredths the height stands for at least, so that a change of one point looks small.
 */
export function trendPoints(totals: readonly number[], leastSpan: number): [x: number, y: number][] {
  const lowest = Math.min(...totals)
  const highest = Math.max(...totals)
  const span = Math.max(highest - lowest, leastSpan)
  const stepX = totals.length > 1 ? (TREND.width - 2 * TREND.marginX) / (totals.length - 1) : 0
  const height = TREND.height - 2 * TREND.marginY
  return totals.map((total, i) => [
    round(TREND.marginX + i * stepX),
    round(TREND.height / 2 - (height * (total - (lowest + highest) / 2)) / span),
  ])
}

export function trendSvg(totals: readonly number[], leastSpan: number): string {
  const points = trendPoints(totals, leastSpan)
  const line = points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${x} ${y}`).join('')
  const [firstX] = points[0]!
  const [lastX, lastY] = points[points.length - 1]!
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${TREND.width}" height="${TREND.height}" ` +
    `viewBox="0 0 ${TREND.width} ${TREND.height}">` +
    `<path d="${line}L${lastX} ${TREND.height}L${firstX} ${TREND.height}Z" fill="#f9e3ae" fill-opacity=".55"/>` +
    `<path d="${line}" fill="none" stroke="#d98e04" stroke-width="2.5" stroke-linejoin="round" stroke-linecap="round"/>` +
    `<circle cx="${lastX}" cy="${lastY}" r="5" fill="#b26b00" stroke="#fff" stroke-width="2"/></svg>`
  )
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
