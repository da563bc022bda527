import { describe, expect, it } from 'vitest'

import type { Contribution, HistoryPoint } from '../../src/api/types'
import { byDimension, byReason, keyFactors, latestChanges, nextGrade, shareOfRange, sumOfParts } from '../../src/score/breakdown'
import { gaugeSvg, trendPoints, trendSvg } from '../../src/score/drawing'
import { pollDelay } from '../../src/score/polling'

function contribution(indicator: string, dimension: string, points: number): Contribution {
  return { indicator, name: indicator, dimension, dimension_name: dimension, points, reason: '', records: [], fades_on: null }
}

const CONTRIBUTIONS = [contribution('a', 'x', 1050), contribution('b', 'y', -838), contribution('c', 'x', 1)]
const GRADES = [
  { code: 'good', name: '良好', minimum: 10000 },
  { code: 'best', name: '极好', minimum: 15000 },
  { code: 'excellent', name: '优秀', minimum: 12000 },
]

describe('the breakdown of a score', () => {
  it('groups contributions by dimension in the order given, with the sum of each', () => {
    expect(byDimension(CONTRIBUTIONS).map(({ dimension, points, contributions }) => [dimension, points, contributions.length]))
      .toEqual([['x', 1051, 2], ['y', -838, 1]])
  })

  it('adds base and contributions to the hundredth', () => {
    expect(sumOfParts({ base: 10000, contributions: CONTRIBUTIONS })).toBe(10213)
  })

  it('names the nearest grade above and what is missing, and none at the top', () => {
    expect(nextGrade(11999, GRADES)).toEqual({ name: '优秀', missing: 1 })
    expect(nextGrade(12000, GRADES)).toEqual({ name: '极好', missing: 3000 })
    expect(nextGrade(15000, GRADES)).toBeNull()
  })

  it('keeps the server’s order of key factors and leaves out what is no contribution', () => {
    const factors = keyFactors({ key_factors: ['b', 'gone', 'a'], contributions: CONTRIBUTIONS })
    expect(factors.map(({ indicator }) => indicator)).toEqual(['b', 'a'])
  })

  it('puts records left out for one reason together', () => {
    const notCounted = [[1, '已修复'], [2, '已过期'], [3, '已修复']].map(([record_id, why]) => ({ record_id, why }))
    expect(byReason(notCounted as never)).toEqual([
      { why: '已修复', recordIds: [1, 3] },
      { why: '已过期', recordIds: [2] },
    ])
  })

  it('tells the newest changes first, each against the score before', () => {
    const history = [100, 90, 95].map(
      (total, i): HistoryPoint => ({ as_of: '2026-01-01', computed_at: `${i}`, total, grade: 'good', cause: 'run' }),
    )
    expect(latestChanges(history, 5).map(({ total, difference }) => [total, difference])).toEqual([[95, 5], [90, -10]])
  })
})

describe('the drawings', () => {
  it('keep a score within the range’s ends', () => {
    expect(shareOfRange(5000, 0, 20000)).toBe(0.25)
    expect(shareOfRange(-1, 0, 20000)).toBe(0)
    expect(shareOfRange(30000, 0, 20000)).toBe(1)
    expect(shareOfRange(1, 7, 7)).toBe(0)
  })

  it('put the dot at the left end, the top and the right end of the gauge', () => {
    const dot = (total: number) => /<circle cx="([\d.]+)" cy="([\d.]+)"/.exec(gaugeSvg(total, 0, 20000, []))!.slice(1)
    expect([dot(0), dot(10000), dot(20000)]).toEqual([['18', '150'], ['150', '18'], ['282', '150']])
  })

  it('draw no notch at the ends of the range', () => {
    const notches = (grades: typeof GRADES) => gaugeSvg(0, 10000, 20000, grades).split('stroke-width="2.5"').length - 1
    expect(notches(GRADES)).toBe(2)
  })

  it('run a trend from left to right, higher scores higher up, a flat one through the middle', () => {
    expect(trendPoints([100, 300, 200], 1)).toEqual([[10, 82], [160, 14], [310, 48]])
    expect(trendPoints([5, 5], 1).map(([, y]) => y)).toEqual([48, 48])
    expect(trendSvg([100, 300], 1)).toContain('M10 82L310 14')
  })

  it('do not make a mountain of one point', () => {
    expect(trendPoints([100, 200], 1000).map(([, y]) => y)).toEqual([51.4, 44.6])
  })
})

it('polls briskly at first and sparingly when a recomputation takes long', () => {
  expect([0, 19, 20, 500].map(pollDelay)).toEqual([1500, 1500, 10000, 10000])
})
