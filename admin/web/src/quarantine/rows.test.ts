import { describe, expect, test } from 'vitest'

import type { QuarantinedRow } from '../api/types'
import { correctionsFrom, faultyColumns, groupByFile, reasonBars, reasonsOfTheWholeRow } from './rows'

function row(over: Partial<QuarantinedRow>): QuarantinedRow {
  return {
    id: '1',
    delivery_id: 'd1',
    filename: '志愿服务.csv',
    template: 'volunteering',
    template_name: '志愿服务',
    row_number: 1,
    row: { 姓名: '王*', 身份证号: '9900**', 时长: '三' },
    reasons: [{ column: '时长', code: 'not_a_number', message: '不是数字' }],
    state: 'open',
    created_at: '2026-11-22T00:00:00Z',
    ...over,
  }
}

test('rows of one file share a table whose faulty columns come first', () => {
  const groups = groupByFile([
    row({ id: '1' }),
    row({ id: '2', reasons: [{ column: '身份证号', code: 'check_digit', message: '校验位不符' }] }),
    row({ id: '3', delivery_id: 'd2', filename: '献血.csv', row: { 姓名: '李*' }, reasons: [] }),
  ])

  expect(groups.map(({ filename, rows }) => [filename, rows.length])).toEqual([
    ['志愿服务.csv', 2],
    ['献血.csv', 1],
  ])
  expect(groups[0]?.columns).toEqual(['时长', '身份证号', '姓名'])
})

test('a cell that was not delivered at all is still a column that can be corrected', () => {
  const [group] = groupByFile([row({ reasons: [{ column: '日期', code: 'missing', message: '必填' }] })])
  expect(group?.columns[0]).toBe('日期')
})

test('a reason without a column concerns the whole row and offers no cell to correct', () => {
  const unknown = row({ reasons: [{ column: '', code: 'subject_unknown', message: '不在登记中' }] })
  expect(faultyColumns(unknown)).toEqual([])
  expect(reasonsOfTheWholeRow(unknown)).toHaveLength(1)
})

test('faults of one kind in several columns are one bar, the longest first', () => {
  const bars = reasonBars([
    { code: 'identifier_check_digit', column: '身份号码', message: '校验码不符', count: 44 },
    { code: 'required', column: '服务时长', message: '必填项为空，请补充', count: 60 },
    { code: 'identifier_check_digit', column: '主体代码', message: '校验码不符', count: 28 },
  ])
  expect(bars).toEqual([
    { code: 'identifier_check_digit', name: '号码校验位不符', count: 72, columns: ['身份号码', '主体代码'] },
    { code: 'required', name: '必填项为空', count: 60, columns: ['服务时长'] },
  ])
})

test('a kind of fault that this page has no name for is named by its example', () => {
  const [bar] = reasonBars([{ code: 'quite_new', column: '', message: '新的问题，请核对', count: 1 }])
  expect(bar?.name).toBe('新的问题')
})

describe('corrections', () => {
  test('hold only what was written, without the blanks around it', () => {
    expect(correctionsFrom({ 时长: ' 3.5 ', 身份证号: '  ' })).toEqual({ 时长: '3.5' })
  })
})
