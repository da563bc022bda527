import { describe, expect, test } from 'vitest'

import { bandOf, gradeBands, occupiedBins } from './grades'

const GRADES = [
  { code: 'good', name: '良好', minimum: 10_000, count: 5 },
  { code: 'excellent', name: '优秀', minimum: 12_000, count: 2 },
  { code: 'fair', name: '一般', minimum: 0, count: 3 },
]

describe('grade bands', () => {
  test('run from the highest to the lowest and meet without a gap', () => {
    const bands = gradeBands(GRADES, 20_000)
    expect(bands.map(({ code, minimum, upTo }) => [code, minimum, upTo])).toEqual([
      ['excellent', 12_000, 20_000],
      ['good', 10_000, 12_000],
      ['fair', 0, 10_000],
    ])
  })

  test('are told apart by colour, up to six of them', () => {
    const six = Array.from({ length: 6 }, (_, index) => ({ code: `${index}`, name: '', minimum: index, count: 1 }))
    expect(new Set(gradeBands(six, 10).map(({ colour }) => colour)).size).toBe(6)
  })

  test('own a bin by its middle, so a total exactly at a limit belongs to the higher grade', () => {
    const bands = gradeBands(GRADES, 20_000)
    expect(bandOf(bands, 12_000, 12_500)?.code).toBe('excellent')
    expect(bandOf(bands, 11_500, 12_000)?.code).toBe('good')
  })
})

describe('occupied bins', () => {
  test('leave out the empty tails but one bin on each side', () => {
    expect(occupiedBins([0, 0, 0, 4, 9, 0, 2, 0, 0])).toEqual({ first: 2, last: 7 })
  })

  test('are all bins while nobody has a score', () => {
    expect(occupiedBins([0, 0, 0])).toEqual({ first: 0, last: 2 })
  })
})
