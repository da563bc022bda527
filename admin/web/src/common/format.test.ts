import { describe, expect, test } from 'vitest'

import { duration, moment, points, roundPoints, share } from './format'

describe('points', () => {
  test.each([
    [0, '0.00'],
    [5, '0.05'],
    [12_345, '123.45'],
    [-320, '−3.20'],
    [123_456_789, '1,234,567.89'],
  ])('%i hundredths read as %s, to the last hundredth', (hundredths, text) => {
    expect(points(hundredths)).toBe(text)
  })

  test('lose only an empty tail when they mark a limit', () => {
    expect([roundPoints(12_000), roundPoints(12_050)]).toEqual(['120', '120.50'])
  })
})

describe('shares', () => {
  test('never call something nothing or an incomplete whole complete', () => {
    expect([share(1, 100_000), share(99_999, 100_000), share(100_000, 100_000), share(0, 10)]).toEqual([
      '<0.1%',
      '>99.9%',
      '100%',
      '0.0%',
    ])
  })

  test('of nothing are a dash, not a division by zero', () => {
    expect(share(0, 0)).toBe('—')
  })
})

describe('moments', () => {
  test('are on the clock of the city wherever the browser is', () => {
    expect(moment('2026-11-21T16:05:00Z')).toBe('2026-11-22 00:05')
  })

  test('their distance is told in the two largest units', () => {
    const from = '2026-11-21T00:00:00Z'
    expect(duration(from, '2026-11-21T00:00:08Z')).toBe('8 秒')
    expect(duration(from, '2026-11-21T00:03:20Z')).toBe('3 分 20 秒')
    expect(duration(from, '2026-11-21T01:05:59Z')).toBe('1 小时 5 分')
  })
})
