import { expect, test } from 'vitest'

import { clockWord } from './clock'

test.each([
  [{ state: 'filed', overdue: false, working_days_left: 3 }, '剩 3 个工作日'],
  [{ state: 'forwarded', overdue: false, working_days_left: 0 }, '今天到期'],
  [{ state: 'filed', overdue: true, working_days_left: -2 }, '已逾期 2 个工作日'],
  [{ state: 'filed', overdue: true, working_days_left: 0 }, '已逾期'],
] as const)('the clock of %o reads %s', (clock, text) => {
  expect(clockWord({ ...clock, answer_due_on: '2026-03-06' })?.text).toBe(text)
})

test('a decided case has no clock left to run', () => {
  expect(clockWord({ state: 'rejected', answer_due_on: '2026-03-06', overdue: true, working_days_left: -4 })).toBeUndefined()
})
