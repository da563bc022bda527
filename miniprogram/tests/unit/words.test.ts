import { describe, expect, it } from 'vitest'

import type { Authorization, Benefits, LedgerEntry } from '../../src/api/types'
import { benefitQuery, findBenefit, termsLines } from '../../src/benefits/lookup'
import { groupedCode, isDue, secondsLeft } from '../../src/code/countdown'
import { authorizationSentence, authorizationState, authorizationTerm, changeCause, consentEvent, recordState, reportState, sceneBadge, verdict, withoutPoints } from '../../src/formatting/words'
import { byDay } from '../../src/ledger/days'
import { pageAbout } from '../../src/notifications/about'
import { clockSentence, mayAttachStatement, stepsAhead } from '../../src/objections/clock'

describe('words', () => {
  it('show a code that is not known yet as it is', () => {
    expect(recordState('disputed').text).toBe('异议中')
    expect(recordState('archived')).toEqual({ text: 'archived', tone: 'quiet' })
    expect(changeCause('something_new')).toBe('记录变化')
  })

  it('tell a verdict on a report with a sign beside the colour', () => {
    expect(['valid', 'superseded', 'forged'].map((one) => verdict(one).mark)).toEqual(['✓', '!', '✕'])
    expect(verdict('forged').text).toBe('不是本机构出具，或已被改动')
    expect(reportState('superseded')).toEqual({ text: '已被取代', tone: 'waiting' })
    expect(reportState('burnt').text).toBe('burnt')
  })

  it('give a scene the character it is known by', () => {
    expect(['信易阅', '信易+', '信易医', '健身'].map(sceneBadge)).toEqual(['阅', '信', '医', '健'])
  })

  it('do not say twice how many points a part brings', () => {
    expect(withoutPoints('再参加 11 小时志愿服务：+8.00')).toBe('再参加 11 小时志愿服务')
    expect(withoutPoints('公用事业欠费 1 条记录逐条计分：-1.00')).toBe('公用事业欠费 1 条记录逐条计分')
    expect(withoutPoints('达到“100 小时”一档')).toBe('达到“100 小时”一档')
  })

  it('say plainly what an authorization lets happen and until when', () => {
    const authorization: Authorization = {
      id: '1',
      kind: 'sharing',
      on_behalf_of: null,
      recipient: '桂城农商银行',
      purpose: '办理信易贷',
      data: ['信用等级', '信用报告'],
      state: 'given',
      given_at: '2026-11-02T00:00:00Z',
      expires_at: null,
      ended_at: null,
      end_reason: null,
      can_withdraw: true,
      can_pause: true,
      output: '信用等级和信用报告',
      mode: 'until_expiry' as const,
      frequency: null,
      longest_days: 365,
      requested_at: '2026-11-05T01:02:03Z',
      last_used_at: null,
      reconfirm_due_at: null,
  recipient_deletion: null,
    }
    expect(authorizationSentence(authorization)).toBe('您允许桂城农商银行获取：信用等级、信用报告，用于办理信易贷。')
    expect(authorizationSentence({ ...authorization, state: 'requested' })).toBe(
      '桂城农商银行希望获取：信用等级、信用报告，用于办理信易贷。',
    )
    expect(authorizationTerm(authorization.given_at, null, null)).toBe('2026年11月2日起，直到您撤回')
    expect(authorizationTerm(authorization.given_at, null, '2026-11-03T16:00:00Z')).toBe('已于2026年11月4日结束')
  })

  it('tell a consent that was ended for its owner from one that they withdrew or that ran out', () => {
    const reason = '约定只用一次，已经用过'
    expect([authorizationState('expired', reason), authorizationState('expired', null)].map((one) => one.text)).toEqual([
      '已终止',
      '已到期',
    ])
    const end = { event: 'withdraw', at: '2026-11-20T01:00:00+00:00', actor: 'citizen' }
    expect([consentEvent(end), consentEvent({ ...end, reason })]).toEqual(['撤回', `终止：${reason}`])
  })
})

describe('the clock of an objection', () => {
  const open = { state: 'filed', answer_due_on: '2026-12-01', decided_at: null } as const

  it('counts down to the last day for an answer, and says so when it has passed', () => {
    expect(clockSentence(open, '2026-11-22')).toBe('最迟2026年12月1日答复，还有 9 天')
    expect(clockSentence(open, '2026-12-01')).toBe('今天之内答复')
    expect(clockSentence(open, '2026-12-03')).toContain('已超过 2 天')
  })

  it('stops when the objection is decided', () => {
    const decided = { ...open, state: 'upheld', decided_at: '2026-11-25T02:00:00Z' } as const
    expect(clockSentence(decided, '2027-01-01')).toBe('2026年11月25日办结')
  })

  it('leaves the last word to whoever was not wholly found right', () => {
    const states = ['filed', 'forwarded', 'replied', 'upheld', 'partly_upheld', 'rejected', 'withdrawn'] as const
    expect(states.filter((state) => mayAttachStatement({ state, record_id: 1 }))).toEqual(['partly_upheld', 'rejected'])
    expect(mayAttachStatement({ state: 'redirected', record_id: 1 })).toBe(true)
  })

  it('has nothing to stand beside when it was not about a record', () => {
    expect(mayAttachStatement({ state: 'rejected', record_id: null })).toBe(false)
  })

  it('says what is still to come', () => {
    expect(stepsAhead({ state: 'filed', kind: 'record' })).toEqual(['核查', '书面答复'])
    expect(stepsAhead({ state: 'filed', kind: 'score' })).toEqual(['人工复核', '书面答复'])
    expect(stepsAhead({ state: 'replied', kind: 'record' })).toEqual(['书面答复'])
    expect(stepsAhead({ state: 'rejected', kind: 'record' })).toEqual([])
  })
})

describe('a one-time code', () => {
  const now = Date.parse('2026-11-22T00:00:00Z')

  it('counts whole seconds down to nought and never below', () => {
    expect(secondsLeft('2026-11-22T00:01:00Z', now)).toBe(60)
    expect(secondsLeft('2026-11-22T00:00:01.900Z', now)).toBe(1)
    expect(secondsLeft('2026-11-21T23:59:00Z', now)).toBe(0)
  })

  it('is due from its moment on', () => {
    expect([-1, 0, 1].map((ms) => isDue('2026-11-22T00:00:00Z', now + ms))).toEqual([false, true, true])
  })

  it('is written in groups of four', () => {
    expect(groupedCode('ABCDEFGHIJ')).toBe('ABCD EFGH IJ')
    expect(groupedCode('ABCD')).toBe('ABCD')
  })
})

it('groups who looked under the days of the city, keeping newest first', () => {
  const entry = (id: number, at: string) => ({ id, at }) as LedgerEntry
  const days = byDay([
    entry(3, '2026-11-21T16:30:00Z'),
    entry(2, '2026-11-21T15:30:00Z'),
    entry(1, '2026-11-20T17:00:00Z'),
  ])
  expect(days.map(({ date, entries }) => [date, entries.map(({ id }) => id)])).toEqual([
    ['2026-11-22', [3]],
    ['2026-11-21', [2, 1]],
  ])
})

it('finds a benefit on whichever shelf it stands, for the citizen or for one of their enterprises', () => {
  const acme = { public_code: '91990001MA7N4X2K5T', name: '金桂食品' }
  const benefits = {
    eligible: [{ code: 'loan', enterprise: acme }],
    nearly: [{ code: 'reading', enterprise: null }],
    not_eligible: [],
  } as unknown as Benefits
  expect(findBenefit(benefits, 'reading', null)?.code).toBe('reading')
  expect(findBenefit(benefits, 'loan', acme.public_code)?.enterprise).toBe(acme)
  expect(findBenefit(benefits, 'loan', null)).toBeNull()
  expect(benefitQuery(benefits.eligible[0]!)).toBe('code=loan&enterprise=91990001MA7N4X2K5T')
  expect(benefitQuery(benefits.nearly[0]!)).toBe('code=reading')
})

it('reads the terms of a tier line by line and leaves out what is for the till', () => {
  expect(termsLines({ summary: '免押金', details: ['可借 15 本'], amount_cents: 2000 })).toEqual(['免押金', '可借 15 本'])
  expect(termsLines({ summary: '免押金' })).toEqual(['免押金'])
})

it('knows the page that a message is about, and when there is none', () => {
  expect(pageAbout('objection:3f-1')).toBe('/pages/objections/detail?id=3f-1')
  expect(pageAbout('record:12')).toBe('/pages/records/detail?id=12')
  expect([pageAbout(null), pageAbout('check:9'), pageAbout('objection:')]).toEqual([null, null, null])
})
