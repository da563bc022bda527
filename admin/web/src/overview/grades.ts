/** How grades are laid over a histogram of totals. All scores in integer hundredths. */
import type { GradeShare } from '../api/types'

export interface GradeBand extends GradeShare {
  /** Where the next grade up begins; for the highest grade, the end of the histogram. */
  upTo: number
  colour: string
}

/** From the flower to the leaf: high grades gold, lower ones pale green. No grade is shown in an alarming red. */
const COLOURS = ['#9c660c', '#d39a35', '#e9c883', '#8fb1a2', '#b7c8bf', '#d0d5d1'] as const

const CHOSEN: Record<number, readonly number[]> = { 1: [1], 2: [1, 3], 3: [1, 2, 3], 4: [0, 1, 3, 4], 5: [0, 1, 2, 3, 4] }

/** Grades from the highest to the lowest, whatever order they come in. */
export function gradeBands(grades: readonly GradeShare[], end: number): GradeBand[] {
  const falling = [...grades].sort((a, b) => b.minimum - a.minimum)
  const chosen = CHOSEN[falling.length] ?? COLOURS.map((_, index) => index)
  return falling.map((grade, index) => ({
    ...grade,
    upTo: falling[index - 1]?.minimum ?? Math.max(end, grade.minimum),
    colour: COLOURS[chosen[Math.min(index, chosen.length - 1)] ?? 0] ?? COLOURS[0],
  }))
}

/** The band that a bin belongs to, by the bin's middle. */
export function bandOf(bands: readonly GradeBand[], from: number, to: number): GradeBand | undefined {
  const middle = (from + to) / 2
  return bands.find((band) => middle >= band.minimum)
}

/** The bins worth drawing: from the first that holds anyone to the last, with one empty bin around them. */
export function occupiedBins(counts: readonly number[]): { first: number; last: number } {
  const first = counts.findIndex((size) => size > 0)
  if (first < 0) return { first: 0, last: counts.length - 1 }
  const last = counts.findLastIndex((size) => size > 0)
  return { first: Math.max(0, first - 1), last: Math.min(counts.length - 1, last + 1) }
}
