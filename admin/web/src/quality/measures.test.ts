import { describe, expect, it } from 'vitest'

import type { MonthQuality } from '../api/types'
import { daysAgo, lasted, percent, sinceDay, stateOf, toneOf, withGaps } from './measures'

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

  it('says since when a warning lasts, and until when it lasted', () => {
    const raised_at = '2026-03-02T18:00:00Z'
    expect(lasted({ raised_at, ended_at: null })).toBe('自 2026-03-03 02:00 起')
    expect(lasted({ raised_at, ended_at: '2026-03-05T02:00:00Z' })).toBe('2026-03-03 02:00 至 2026-03-05 10:00')
  })

  it('asks nobody to confirm what is over', () => {
    expect(stateOf({ state: 'open', ended_at: null }).text).toBe('待确认')
    expect(stateOf({ state: 'acknowledged', ended_at: null }).text).toBe('已确认')
    expect(stateOf({ state: 'open', ended_at: '2026-03-05T02:00:00Z' }).text).toBe('已结束')
  })

  it('reads everything when no period is chosen', () => {
    expect(sinceDay(0)).toBeUndefined()
    expect(sinceDay(31)).toMatch(/^\d{4}-\d{2}-\d{2}$/)
  })
})
