import type { Contribution, GradeStep, HistoryPoint, Score } from '../api/types'

/** The contributions of one dimension (维度) and what they come to. */
export interface DimensionGroup {
  dimension: string
  name: string
  points: number
  contributions: Contribution[]
}

/** Group by dimension, in the order in which the policy lists them. */
export function byDimension(contributions: readonly Contribution[]): DimensionGroup[] {
  const groups = new Map<string, DimensionGroup>()
  for (const contribution of contributions) {
    let group = groups.get(contribution.dimension)
    if (group === undefined) {
      group = { dimension: contribution.dimension, name: contribution.dimension_name, points: 0, contributions: [] }
      groups.set(contribution.dimension, group)
    }
    group.points += contribution.points
    group.contributions.push(contribution)
  }
  return [...groups.values()]
}

/** Base plus every contribution, in hundredths: must equal the total the server states. */
export function sumOfParts(score: Pick<Score, 'base' | 'contributions'>): number {
  return score.contributions.reduce((sum, contribution) => sum + contribution.points, score.base)
}

/** Where `points` lies between the range's ends, 0 to 1. */
export function shareOfRange(points: number, minimum: number, maximum: number): number {
  if (maximum <= minimum) return 0
  return Math.min(1, Math.max(0, (points - minimum) / (maximum - minimum)))
}

/** The next grade up and how many hundredths are missing; null in the highest grade. */
export function nextGrade(total: number, grades: readonly GradeStep[]): { name: string; missing: number } | null {
  const above = grades.filter((grade) => grade.minimum > total).sort((a, b) => a.minimum - b.minimum)[0]
  return above === undefined ? null : { name: above.name, missing: above.minimum - total }
}

/** The contributions that weigh most, in the server's order; an indicator without a contribution is left out. */
export function keyFactors(score: Pick<Score, 'key_factors' | 'contributions'>): Contribution[] {
  return score.key_factors.flatMap((indicator) => {
    const found = score.contributions.find((contribution) => contribution.indicator === indicator)
    return found === undefined ? [] : [found]
  })
}

/** The newest changes of the score first, each with its difference to the score before, in hundredths. */
export function latestChanges(
  history: readonly HistoryPoint[],
  most: number,
): (HistoryPoint & { difference: number })[] {
  return history
    .map((point, i) => ({ ...point, difference: i === 0 ? 0 : point.total - history[i - 1]!.total }))
    .slice(1)
    .reverse()
    .slice(0, most)
}

/** The records that bring nothing, together with those left out for the same reason. */
export function byReason(notCounted: Score['not_counted']): { why: string; recordIds: number[] }[] {
  const reasons = new Map<string, number[]>()
  for (const { record_id, why } of notCounted) reasons.set(why, [...(reasons.get(why) ?? []), record_id])
  return [...reasons].map(([why, recordIds]) => ({ why, recordIds }))
}
