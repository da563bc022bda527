import { expect, test } from 'vitest'

import { asWritten, correctionLines, correctionsFrom, toHundredths } from './corrections'

const record = {
  title: '水费欠缴',
  event_on: '2026-01-15',
  ended_on: null,
  performed_on: null,
  quantity: 100,
  amount: 12050,
  level: 1,
  content: { 户号: '12', 说明: '逾期' },
}

test('a form that was only looked at corrects nothing', () => {
  expect(correctionsFrom(record, asWritten(record))).toEqual({ corrections: {}, complaint: undefined })
})

test('only what was changed is sent, amounts in cents, an emptied date as null', () => {
  const ended = { ...record, ended_on: '2026-02-01' }
  const written = { ...asWritten(ended), amount: '99.5', ended_on: '' }
  expect(correctionsFrom(ended, written).corrections).toEqual({ amount: 9950, ended_on: null })
})

test('of the delivered content the whole is sent when one cell changes', () => {
  const written = asWritten(record)
  written.content['说明'] = '已缴清'
  expect(correctionsFrom(record, written).corrections).toEqual({ content: { 户号: '12', 说明: '已缴清' } })
})

test.each([['', undefined], ['1.234', undefined], ['-1', undefined], ['7', 700], ['0.05', 5], ['120.50', 12050]])(
  'the number %j is read exactly or not at all',
  (text, hundredths) => expect(toHundredths(text as string)).toBe(hundredths),
)

test('a number that cannot be read is complained about', () => {
  expect(correctionsFrom(record, { ...asWritten(record), amount: '一百' }).complaint).toContain('数字')
})

test('corrections are read back in words', () => {
  expect(correctionLines({ amount: 9950, level: 2, ended_on: null }, ['一般', '严重'])).toEqual([
    ['金额', '99.5 元'],
    ['级别', '严重'],
    ['终止日期', '（没有）'],
  ])
})
