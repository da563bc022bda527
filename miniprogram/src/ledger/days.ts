import type { CityDate, LedgerEntry } from '../api/types'
import { cityDate } from '../formatting/dates'

export interface LedgerDay {
  date: CityDate
  entries: LedgerEntry[]
}

/** Group entries, which come newest first, under the city day on which they happened. */
export function byDay(entries: readonly LedgerEntry[]): LedgerDay[] {
  const days: LedgerDay[] = []
  for (const entry of entries) {
    const date = cityDate(entry.at)
    const last = days[days.length - 1]
    if (last?.date === date) last.entries.push(entry)
    else days.push({ date, entries: [entry] })
  }
  return days
}
