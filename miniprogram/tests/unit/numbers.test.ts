import { describe, expect, it } from 'vitest'

import { hundredths, largePoints, plainHundredths, signedPoints, yuan } from '../../src/formatting/numbers'

describe('numbers', () => {
  it.each([
    [12345, '123.45'],
    [5, '0.05'],
    [0, '0.00'],
    [-50, '−0.50'],
    [123456789, '1,234,567.89'],
  ])('shows %i hundredths with both places', (value, text) => {
    expect(hundredths(value)).toBe(text)
  })

  it('always shows the sign of points, except of none', () => {
    expect([300, -250, 0].map(signedPoints)).toEqual(['+3.00', '−2.50', '0.00'])
  })

  it('splits a score for the large display', () => {
    expect(largePoints(10962)).toEqual(['109', '.62'])
  })

  it('drops needless zeros of quantities but no others', () => {
    expect([3600, 150, 10000, 0, 1005].map(plainHundredths)).toEqual(['36', '1.5', '100', '0', '10.05'])
  })

  it('shows amounts in yuan', () => {
    expect([123456, 30000, -1999].map(yuan)).toEqual(['¥1,234.56', '¥300', '−¥19.99'])
  })
})
