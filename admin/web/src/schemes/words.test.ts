import { expect, test } from 'vitest'

import { stateOf } from './words'

const approved = { state: 'approved', in_force: false, effective_from: '2026-06-01' }

test('an approved version waits for its date, counts, and is replaced', () => {
  expect(stateOf(approved, '2026-05-31').text).toBe('已批准，待生效')
  expect(stateOf({ ...approved, in_force: true }, '2026-06-01').text).toBe('生效中')
  expect(stateOf(approved, '2026-07-01').text).toBe('已被取代或到期')
})

test('a submitted version asks for attention', () => {
  expect(stateOf({ ...approved, state: 'submitted' }, '2026-05-31')).toEqual({ text: '待复核', tone: 'busy' })
})
