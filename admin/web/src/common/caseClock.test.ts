import { expect, test } from 'vitest'

import { caseClock } from './caseClock'

test('a case that waits for the applicant has no clock', () => {
  expect(caseClock({ due_on: null, overdue: false, working_days_left: null })).toBeUndefined()
})

test('the last day and the day before stand out, a late case most', () => {
  const on = (left: number | null, overdue = false) =>
    caseClock({ due_on: '2026-07-03', overdue, working_days_left: left })
  expect(on(5)).toEqual({ text: '剩 5 个工作日', tone: 'calm' })
  expect(on(1)?.tone).toBe('busy')
  expect(on(0)).toEqual({ text: '今天到期', tone: 'attention' })
  expect(on(-2, true)).toEqual({ text: '已逾期 2 个工作日', tone: 'attention' })
  expect(on(0, true)?.text).toBe('已逾期')
  expect(on(null)).toBeUndefined()
})
