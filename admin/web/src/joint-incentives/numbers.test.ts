import { describe, expect, it } from 'vitest'

import { numbersIn } from './numbers'

describe('the numbers in a pasted list', () => {
  it.each([
    ['', []],
    [' \n ', []],
    ['91A\n91B\r\n\n91C ', ['91A', '91B', '91C']],
    ['91A，91B；91C、91D,91E\t91F', ['91A', '91B', '91C', '91D', '91E', '91F']],
  ])('%j', (written, expected) => {
    expect(numbersIn(written)).toEqual(expected)
  })
})
