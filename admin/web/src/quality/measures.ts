/** How measures of data quality are shown. */
import type { DataWarning, MonthQuality } from '../api/types'
import { cityDate, moment } from '../common/format'
import { WARNING_STATES, type Word } from '../common/words'

export const PERIODS = [
  { days: 31, name: '近一个月' },
  { days: 92, name: '近三个月' },
  { days: 366, name: '近一年' },
  { days: 0, name: '全部' },
]

/** Since when, and until when if it is over. */
export function lasted({ raised_at, ended_at }: Pick<DataWarning, 'raised_at' | 'ended_at'>): string {
  return ended_at ? `${moment(raised_at)} 至 ${moment(ended_at)}` : `自 ${moment(raised_at)} 起`
}

/** What is over needs nobody to confirm it any more. */
export function stateOf({ state, ended_at }: Pick<DataWarning, 'state' | 'ended_at'>): Word {
  return ended_at ? { text: '已结束', tone: 'quiet' } : WARNING_STATES[state]
}

/** As of the start of the period; without one, from the beginning. */
export function sinceDay(days: number): string | undefined {
  return days ? daysAgo(new Date(), days) : undefined
}

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
