import { describe, expect, it } from 'vitest'

import type { PublicPortrait, PublishedRecord } from '../../src/api/types'
import {
  commitmentEntry,
  historySentence,
  licenceEntry,
  listEntry,
  neighbours,
  penaltyEntry,
} from '../../src/enterprises/entries'

const RECORD: PublishedRecord = {
  category_name: '行政许可',
  title: '食品生产许可',
  event_on: '2024-06-10',
  ended_on: '2029-06-10',
  public_until: null,
  level_name: null,
  source_department: '桂城市行政审批服务局',
  legal_basis: '《中华人民共和国行政许可法》第四十条',
  disputed: false,
  statements: [],
}
const LISTED = {
  list_name: '严重违法失信名单',
  basis: '总局令第44号',
  title: '虚假登记',
  level_name: null,
  listed_on: '2026-01-15',
  until: '2026-03-03',
  source_department: '桂城市市场监督管理局',
  disputed: false,
  statements: [],
}
const unit = (code: string) => ({ code, name: `单位${code}`, status: 'active' as const })

describe('an entry on the public page', () => {
  it('of a licence says until when it is valid, and no end of publication where there is none', () => {
    expect(licenceEntry(RECORD).lines).toEqual([
      '桂城市行政审批服务局',
      '2024年6月10日作出，有效期至2029年6月10日',
      '公示依据：《中华人民共和国行政许可法》第四十条',
    ])
  })

  it('of a penalty says how serious it is and until when it is public', () => {
    const penalty = penaltyEntry({ ...RECORD, ended_on: null, level_name: '严重', public_until: '2027-06-10' })
    expect(penalty.tag?.text).toBe('严重')
    expect(penalty.lines[1]).toBe('2024年6月10日作出，公示到2027年6月10日')
  })

  it('of a commitment says by when, and how it was fulfilled', () => {
    const entry = commitmentEntry({
      type_name: '主动公示型承诺',
      matter: '诚信经营',
      accepted_by: '桂城市信用办',
      signed_on: '2026-11-03',
      due_on: '2027-11-03',
      state: 'signed',
      state_name: '履行中',
      public_until: null,
      disputed: false,
      statements: [],
    })
    expect([entry.title, entry.tag?.text, ...entry.lines]).toEqual([
      '诚信经营',
      '履行中',
      '主动公示型承诺 · 桂城市信用办',
      '2026年11月3日作出，2027年11月3日前履行',
    ])
  })

  it('of a statutory list names each measure with its own basis; of the red list none', () => {
    const measures = [{ text: '不适用告知承诺制', basis: '第十五条第三项' }]
    expect(listEntry({ ...LISTED, measures }).measures).toEqual(['不适用告知承诺制（第十五条第三项）'])
    expect(listEntry(LISTED).measures).toEqual([])
    expect(listEntry({ ...LISTED, until: null }).lines[1]).toBe('2026年1月15日列入')
  })
})

describe('what became of a unit', () => {
  it('is told with what changed or with whom, and without a day where the register names none', () => {
    const event = { on: '2026-03-04', event: 'renamed', event_name: '更名', before: '丹桂', after: '金桂', other: null }
    expect(historySentence(event)).toBe('2026年3月4日更名：丹桂 → 金桂')
    const end = { on: null, event: 'merged', event_name: '合并', before: null, after: null, other: unit('2') }
    expect(historySentence(end)).toBe('合并：单位2')
  })

  it('has as neighbours only those directly related, each way round', () => {
    const portrait: PublicPortrait = {
      history: { codes: [], events: [] },
      units: [unit('2'), unit('3'), unit('4')],
      relations: [
        { enterprise: '1', principal: '2', role: 'branch', role_name: '分支机构' },
        { enterprise: '3', principal: '1', role: 'shareholder', role_name: '股东' },
        { enterprise: '3', principal: '4', role: 'shareholder', role_name: '股东' },
      ],
    }
    expect(neighbours('1', portrait).map(({ name, role }) => [name, role])).toEqual([
      ['单位2', '分支机构'],
      ['单位3', '本单位是其股东'],
    ])
  })
})
