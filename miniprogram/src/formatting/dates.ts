import type { CityDate, Moment } from '../api/types'

/** The city's clock: China Standard Time, whatever zone the phone is set to. */
const CITY_OFFSET_MS = 8 * 3600 * 1000
const DAY_MS = 24 * 3600 * 1000

/** "2026-11-05" → "2026年11月5日". */
export function longDate(date: CityDate): string {
  const [year, month, day] = date.split('-')
  return `${year}年${Number(month)}月${Number(day)}日`
}

/** "2026-11-05" → "2026.11.05". */
export function shortDate(date: CityDate): string {
  return date.replace(/-/g, '.')
}

/** The day on which a moment falls in the city. */
export function cityDate(moment: Moment): CityDate {
  return new Date(Date.parse(moment) + CITY_OFFSET_MS).toISOString().slice(0, 10)
}

/** "2026-11-05T01:02:03Z" → "09:02". */
export function cityTime(moment: Moment): string {
  return new Date(Date.parse(moment) + CITY_OFFSET_MS).toISOString().slice(11, 16)
}

/** "2026-11-05T01:02:03Z" → "2026年11月5日 09:02". */
export function longMoment(moment: Moment): string {
  return `${longDate(cityDate(moment))} ${cityTime(moment)}`
}

/** Calendar days from one city day to another; negative when `to` is earlier. */
export function daysBetween(from: CityDate, to: CityDate): number {
  return Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS)
}

/** How a day near to today is spoken of: 今天, 昨天, else the date. */
export function spokenDay(date: CityDate, today: CityDate): string {
  const days = daysBetween(date, today)
  if (days === 0) return '今天'
  if (days === 1) return '昨天'
  return longDate(date)
}

export function todayInCity(nowMs: number): CityDate {
  return new Date(nowMs + CITY_OFFSET_MS).toISOString().slice(0, 10)
}
