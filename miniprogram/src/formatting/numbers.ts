/** Numbers as people read them. All inputs are the server's integers; no arithmetic in floating point. */

const MINUS = '\u2212'

/** Integer hundredths as a decimal with both places: 12345 → "123.45", -50 → "−0.50". */
export function hundredths(value: number): string {
  const size = Math.abs(value)
  const whole = Math.trunc(size / 100)
  const sign = value < 0 ? MINUS : ''
  return `${sign}${groupThousands(whole)}.${String(size % 100).padStart(2, '0')}`
}

/** Points with their sign always shown: 300 → "+3.00", -250 → "−2.50", 0 → "0.00". */
export function signedPoints(points: number): string {
  return points > 0 ? `+${hundredths(points)}` : hundredths(points)
}

/** The score's two halves for a large display: 12345 → ["123", ".45"]. */
export function largePoints(points: number): [whole: string, rest: string] {
  const text = hundredths(points)
  const dot = text.indexOf('.')
  return [text.slice(0, dot), text.slice(dot)]
}

/** Hundredths without needless zeros, for quantities and round limits: 3600 → "36", 150 → "1.5". */
export function plainHundredths(value: number): string {
  return hundredths(value).replace(/\.?0+$/, '')
}

/** Cents as yuan: 123456 → "¥1,234.56", 30000 → "¥300". */
export function yuan(cents: number): string {
  const text = hundredths(Math.abs(cents))
  return `${cents < 0 ? MINUS : ''}¥${text.endsWith('.00') ? text.slice(0, -3) : text}`
}

/** Bytes as people read them: 900 → "1 KB", 1_572_864 → "1.5 MB". */
export function fileSize(bytes: number): string {
  const kilobytes = Math.max(1, Math.round(bytes / 1024))
  return kilobytes < 1024 ? `${kilobytes} KB` : `${plainHundredths(Math.round(kilobytes / 10.24))} MB`
}

function groupThousands(whole: number): string {
  return String(whole).replace(/\B(?=(\d{3})+$)/g, ',')
}
