import { describe, expect, it } from 'vitest'

import type { MonthQuality } from '../api/types'
import { daysAgo, percent, toneOf, withGaps } from './measures'

const of = (month: string) => ({ month }) as MonthQuality

describe('measures of data quality', () => {
  it('shows a missing share as a dash, not as zero', () => {
    expect(percent(null)).toBe('—')
    expect(percent(0)).toBe('0.0%')
    expect(percent(0.987)).toBe('98.7%')
  })

  it('marks what calls for a look', () => {
    expect([null, 0.96, 0.9, 0.5].map(toneOf)).toEqual(['', '', 'fair', 'poor'])
  })

  it('leaves a gap for months without a delivery, across the turn of a year', () => {
    const months = withGaps([of('2025-11'), of('2026-02')])
    expect(months.map(({ month, quality }) => [month, Boolean(quality)])).toEqual([
      ['2025-11', true],
      ['2025-12', false],
      ['2026-01', false],
      ['2026-02', true],
    ])
    expect(withGaps([])).toEqual([])
  })

  it('counts days by the city’s date', () => {
    expect(daysAgo(new Date('2026-03-03T17:00:00Z'), 1)).toBe('2026-03-03')
  })
})
