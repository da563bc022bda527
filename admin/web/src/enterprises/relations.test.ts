import { expect, test } from 'vitest'

import { roleSentence, shortName } from './relations'

const names = new Map([
  ['1', '桂城面包有限公司'],
  ['2', '王*兰'],
])
const edge = {
  enterprise: '1',
  principal: '2',
  role: 'legal_representative',
  role_name: '法定代表人',
  valid_from: '2019-01-01',
  valid_to: null,
} as const

test('a relation that lasts is told from its first day', () => {
  expect(roleSentence(edge, names)).toBe('王*兰 是 桂城面包有限公司 的法定代表人，2019-01-01 起')
})

test('a relation that ended is told with its last day', () => {
  expect(roleSentence({ ...edge, valid_to: '2025-12-31' }, names)).toBe(
    '王*兰 是 桂城面包有限公司 的法定代表人，2019-01-01 至 2025-12-31',
  )
})

test('a long name is shortened in the middle, so that a branch does not look like its enterprise', () => {
  expect(shortName('桂城市丹桂信息科技有限公司')).toBe('桂城市丹桂信息科技有限公司')
  expect(shortName('桂城市丹桂信息科技有限公司月湖分公司')).toBe('桂城市丹桂信…月湖分公司')
  expect(shortName('桂城面包有限公司')).toBe('桂城面包有限公司')
})
