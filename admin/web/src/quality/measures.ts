/** How measures of data quality are shown. */
import type { MonthQuality } from '../api/types'
import { cityDate } from '../common/format'

export function percent(share: number | null): string {
  return share === null ? '—' : `${(share * 100).toFixed(1)}%`
}

/** A share that calls for a look; a missing one does not. */
export function toneOf(share: number | null): '' | 'fair' | 'poor' {
  if (share === null || share >= 0.95) return ''
  return share >= 0.8 ? 'fair' : 'poor'
}

export function daysAgo(from: Date, days: number): string {
  return cityDate(new Date(from.getTime() - days * 24 * 60 * 60 * 1000))
}

/** Every month from the first to the last; where nothing was delivered the line is interrupted, not joined. */
export function withGaps(months: readonly MonthQuality[]): { month: string; quality?: MonthQuality }[] {
  const first = months[0]
  const last = months[months.length - 1]
  if (!first || !last) return []
  const known = new Map(months.map((each) => [each.month, each]))
  const all: { month: string; quality?: MonthQuality }[] = []
  for (let month = first.month; month <= last.month; month = following(month)) {
    all.push({ month, quality: known.get(month) })
  }
  return all
}

function following(month: string): string {
  const [year = 0, number = 0] = month.split('-').map(Number)
  return number === 12 ? `${year + 1}-01` : `${year}-${String(number + 1).padStart(2, '0')}`
}
