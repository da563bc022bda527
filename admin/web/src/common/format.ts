/** Numbers and moments as officers read them. Points come as integer hundredths, moments as ISO-8601 UTC. */

const CITY_ZONE = 'Asia/Shanghai'

const thousands = new Intl.NumberFormat('zh-CN')

export function count(value: number): string {
  return thousands.format(value)
}

/** 12345 → "123.45". Integer arithmetic: a score shown must be the score stored. */
export function points(hundredths: number): string {
  const sign = hundredths < 0 ? '−' : ''
  const size = Math.abs(hundredths)
  return `${sign}${thousands.format(Math.trunc(size / 100))}.${String(size % 100).padStart(2, '0')}`
}

/** 12000 → "120", 12050 → "120.50": for grade limits, where a tail of zeros is noise. */
export function roundPoints(hundredths: number): string {
  const text = points(hundredths)
  return text.endsWith('.00') ? text.slice(0, -3) : text
}

/** "12.3%"; a part that is not nothing is never shown as 0.0%, nor an incomplete one as 100%. */
export function share(part: number, whole: number): string {
  if (whole <= 0) return '—'
  const percent = (part / whole) * 100
  if (part > 0 && percent < 0.1) return '<0.1%'
  if (part < whole && percent > 99.9) return '>99.9%'
  return part === whole ? '100%' : `${percent.toFixed(1)}%`
}

const momentParts = new Intl.DateTimeFormat('zh-CN', {
  timeZone: CITY_ZONE,
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
})

/** "2026-11-22 09:05" on the city's clock, wherever the browser is. */
export function moment(iso: string): string {
  const part = Object.fromEntries(momentParts.formatToParts(new Date(iso)).map(({ type, value }) => [type, value]))
  return `${part.year}-${part.month}-${part.day} ${part.hour}:${part.minute}`
}

/** "2026-11-22" on the city's calendar. */
export function cityDate(at: Date): string {
  return moment(at.toISOString()).slice(0, 10)
}

/** "8 秒", "3 分 20 秒", "1 小时 5 分". */
export function duration(fromIso: string, toIso: string): string {
  const seconds = Math.max(0, Math.round((Date.parse(toIso) - Date.parse(fromIso)) / 1000))
  if (seconds < 1) return '不到 1 秒'
  if (seconds < 60) return `${seconds} 秒`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} 分 ${seconds % 60} 秒`
  return `${Math.floor(seconds / 3600)} 小时 ${Math.floor((seconds % 3600) / 60)} 分`
}
