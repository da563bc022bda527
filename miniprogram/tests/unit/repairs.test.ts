import { expect, test } from 'vitest'

import type { RepairCandidate, RepairCondition } from '../../src/api/types'
import { withSubject } from '../../src/platform/navigation'
import { candidateSentence } from '../../src/repairs/words'

const condition = (code: string, name: string, met: boolean, from: string | null = null): RepairCondition => ({
  code,
  name,
  met,
  met_from: from,
  sentence: `${name}的说明`,
})

const candidate = (conditions: RepairCondition[], more: Partial<RepairCandidate> = {}): RepairCandidate => ({
  record: {
    id: 1,
    title: '判决',
    category_name: '生效裁判履行',
    event_on: '2026-03-01',
    state: 'active',
    level_name: '一般',
    department: '法院',
  },
  conditions,
  may_apply: true,
  repairable_from: null,
  repair_id: null,
  ...more,
})

test('a record says from which day it can be repaired and what else it needs', () => {
  const waiting = candidate(
    [
      condition('shortest_period', '最短公示期', false, '2026-06-01'),
      condition('obligation', '履行义务', false),
      condition('commitment', '签署信用承诺书', false),
    ],
    { repairable_from: '2026-06-01', may_apply: false },
  )
  expect(candidateSentence(waiting)).toBe('2026年6月1日起可以申请修复，还需要：履行义务、签署信用承诺书')
  expect(candidateSentence(candidate([condition('obligation', '履行义务', true)]))).toBe('现在可以申请修复')
})

test('what can never be repaired here says why, and an open case says so', () => {
  expect(candidateSentence(candidate([condition('repairable', '可以修复的类别', false)]))).toBe('可以修复的类别的说明')
  expect(candidateSentence(candidate([], { repair_id: 'x' }))).toBe('修复申请正在办理')
})

test('a page is opened for the enterprise that the citizen acts for', () => {
  expect(withSubject('/pages/repairs/list', null)).toBe('/pages/repairs/list')
  expect(withSubject('/pages/repairs/list', '91A')).toBe('/pages/repairs/list?enterprise=91A')
  expect(withSubject('/pages/repairs/detail?id=1', '91A')).toBe('/pages/repairs/detail?id=1&enterprise=91A')
})
