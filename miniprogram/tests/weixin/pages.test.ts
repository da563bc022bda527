import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import type { RepairCandidate, Score, SuppliableCategory, Unit } from '../../src/api/types'
import { BUILT, type Phone, switchOn } from './phone'

const SCORE: Score = {
  total: 10962,
  grade: { code: 'good', name: '良好' },
  base: 10000,
  minimum: 0,
  maximum: 20000,
  as_of: '2026-11-20',
  computed_at: '2026-11-20T01:00:00Z',
  policy: { code: 'osmanthus', name: '桂花分评分方案', version: '2026.1', hash: 'ab' },
  grades: [
    { code: 'fair', name: '一般', minimum: 0 },
    { code: 'good', name: '良好', minimum: 10000 },
    { code: 'excellent', name: '优秀', minimum: 12000 },
  ],
  contributions: [
    {
      indicator: 'volunteering',
      name: '志愿服务',
      dimension: 'society',
      dimension_name: '社会贡献',
      points: 1800,
      reason: '近 12 个月志愿服务 60 小时',
      records: [{ id: 7, points: 1800, counts_until: '2027-03-01' }],
      fades_on: '2027-03-02',
    },
    {
      indicator: 'arrears',
      name: '公用事业缴费',
      dimension: 'performance',
      dimension_name: '履约守诺',
      points: -838,
      reason: '近 12 个月逾期缴费 1 次',
      records: [],
      fades_on: null,
    },
  ],
  key_factors: ['volunteering'],
  advice: [{ sentence: '再做 20 小时志愿服务', gain: 300 }],
  pending: false,
  not_counted: [],
}

const RECORD = {
  id: 7,
  category: 'volunteering',
  category_name: '志愿服务',
  polarity: 'positive',
  title: '河道清洁志愿服务',
  event_on: '2026-06-25',
  ended_on: null,
  state: 'active',
  level_name: null,
  quantity: 2450,
  unit: '小时',
  amount: null,
  source_department: '桂城市志愿者协会',
  legal_basis: '目录第三条',
  may_object: true,
  objection_id: null,
}

const CANDIDATE: RepairCandidate = {
  record: {
    id: 7,
    title: '逾期缴费',
    category_name: '公用事业欠缴',
    event_on: '2026-06-25',
    state: 'active',
    level_name: null,
    department: '桂城市城市管理局',
  },
  conditions: [{ code: 'obligation', name: '履行义务', met: false, met_from: null, sentence: '请提交履行义务的证明' }],
  may_apply: true,
  repairable_from: null,
  repair_id: null,
}

const SUPPLIABLE: SuppliableCategory = {
  category: 'volunteering',
  name: '志愿服务',
  hint: '填写服务记录',
  department: '桂城市文明办公室',
  evidence: true,
  written_consent: false,
  fields: [{ column: '服务项目', label: '服务项目', kind: 'text', required: true, choices: [] }],
}

const UNIT: Unit = {
  code: '91990001MA0000001X',
  name: '桂城面包有限公司',
  kind: 'enterprise',
  status: 'active',
  registered_on: '2012-09-01',
  successor: null,
}

const QUERIES: Record<string, Record<string, string>> = {
  'pages/records/detail': { id: '7' },
  'pages/objections/file': { record: '7' },
  'pages/objections/detail': { id: 'o-1' },
  'pages/benefits/detail': { code: 'reading' },
  'pages/repairs/apply': { record: '7' },
  'pages/repairs/detail': { id: 'r-1' },
  'pages/supplements/file': { category: 'volunteering' },
  'pages/commitments/detail': { id: 'm-1' },
  'pages/authorizations/receipt': { id: 'c-1' },
  'pages/authorizations/consent': { request: 'handle-1' },
  'pages/loans/loans': { scheme: 'loan', name: '%E8%B4%B7%E6%AC%BE' },
  'pages/enterprises/detail': { code: '91990001MA0000001X' },
  'pages/ledger/complain': { id: '3', about: '%E6%A1%82%E5%9F%8E%E5%9B%BE%E4%B9%A6%E9%A6%86' },
}

const PAGES = (JSON.parse(readFileSync(join(BUILT, 'app.json'), 'utf8')) as { pages: string[] }).pages

const ANSWERS: Record<string, unknown> = {
  'GET /sign-in/options': {
    adapter: 'demo',
    city_name: '桂城市',
    demo_citizens: [{ credential: 'demo-citizen-1', name: '王*兰', story: '按时履约的志愿者' }],
  },
  'POST /sign-in': { token: 'token-1', expires_at: '2026-11-20T03:00:00Z', citizen: {} },
  'GET /me': {
    name: '王*兰',
    identifier: '990001********1234',
    adult: true,
    activated: true,
    activated_at: '2026-08-01T00:00:00Z',
    city_name: '桂城市',
    enterprises: [],
  },
  'GET /me/score': SCORE,
  'GET /me/score/history': { items: [] },
  'GET /activation-notice': { version: '2026-11', title: '告知书', paragraphs: ['自愿开通'] },
  'GET /me/records/7': {
    ...RECORD,
    content: { 服务时长: '24.5' },
    statements: [],
    versions: [{ version: 1, state: 'active', changed_at: '2026-06-26T00:00:00Z', changed_by: '志愿者协会', reason: '首次归集', event: 'delivered', event_name: '报送入库', sentence: '志愿者协会报送了这条记录。', changes: [] }],
  },
  'GET /me/records?limit=20': { items: [RECORD], next_cursor: null },
  'GET /me/benefits': { eligible: [], nearly: [], not_eligible: [] },
  'POST /me/codes': {
    code: 'ABCDEFGH',
    expires_at: '2099-01-01T00:01:00Z',
    renew_at: '2099-01-01T00:00:45Z',
    qr_svg: 'data:image/svg+xml,',
  },
  'GET /me/objections': {
    items: [
      {
        id: 'o-1',
        record_id: 7,
        record_title: '河道清洁志愿服务',
        category_name: '志愿服务',
        grounds: '时长少记了',
        state: 'filed',
        filed_at: '2026-11-20T01:00:00Z',
        answer_due_on: '2026-12-01',
        decided_at: null,
        reply: null,
        statement: null,
      },
    ],
  },
  'GET /me/authorizations': { items: [] },
  'GET /me/authorization-requests/handle-1': {
    institution: '桂城银行',
    public_code: '91990001MB9100905M',
    asked: [
      {
        scope: 'grade:read',
        name: '信用等级',
        data: ['信用等级'],
        output: '您的信用等级；不含分数和记录',
        purpose: '审批您申请的信易贷',
        longest_days: 180,
        frequency: '每 30 天最多 10 次',
        needs_activation: false,
        held_until: null,
      },
    ],
    notice_version: '2026-11',
    notice: ['每一项授权单独决定。'],
    expires_at: '2026-11-20T02:10:00Z',
  },
  'GET /me/loan-referrals': { items: [] },
  'GET /me/loan-referrals/institutions?scheme=loan': {
    items: [{ code: 'guicheng-bank', name: '桂城银行' }],
    output: '您符合这项优惠的条件',
    notice_version: '2026-11',
    notice: [],
  },
  'GET /me/authorizations/c-1/receipt': {
    format: 'osmanthus-consent-receipt-1',
    issuer: '桂城市公共信用信息中心',
    issued_at: '2026-11-20T01:00:00+00:00',
    consent: {
      id: 'c-1',
      kind: 'sharing',
      recipient: '桂城银行',
      purpose: '信易贷授信',
      data: ['信用等级'],
      output: '信用等级',
      mode: 'until_expiry',
      notice_version: '2026-11',
      requested_at: '2026-11-20T01:00:00+00:00',
      expires_at: '2026-12-20T01:00:00+00:00',
    },
    state: 'given',
    events: [{ event: 'give', at: '2026-11-20T01:00:00+00:00', actor: 'citizen' }],
    digest: 'ab'.repeat(32),
    signature: 'cd'.repeat(64),
    public_key: 'ef'.repeat(32),
  },
  'GET /me/data-choices': {
    items: [
      {
        category: 'volunteering',
        name: '志愿服务',
        source_department: '桂城市文明办公室',
        legal_basis: '《志愿服务条例》',
        declined: false,
        records: 2,
      },
    ],
  },
  'GET /me/notifications/settings': {
    items: [{ kind: 'officer_looked', name: '工作人员查看我的信息时告诉我', on: true }],
  },
  'GET /me/benefits/uses?limit=20': {
    items: [
      {
        check_id: '7a',
        scheme: '图书馆免押借阅',
        scene_name: '信易阅',
        partner: '桂城市图书馆',
        checked_at: '2026-11-20T01:00:00Z',
        eligible: true,
        redeemed_at: '2026-11-20T01:01:00Z',
        cancelled_at: null,
      },
    ],
    next_cursor: null,
  },
  'GET /me/benefits/complaints': {
    items: [
      {
        id: '8b',
        check_id: '7a',
        what: '出示后仍要求交押金',
        state: 'filed',
        state_name: '已提交',
        filed_at: '2026-11-20T02:00:00Z',
        answer: null,
        closed_at: null,
      },
    ],
  },
  'GET /me/access-complaints': { items: [] },
  'GET /me/ledger?limit=30': { items: [], next_cursor: null },
  'GET /me/notifications?limit=30': {
    items: [
      {
        id: 5,
        kind: 'objection_answered',
        title: '异议已答复',
        body: '请查看处理结果。',
        about: 'objection:o-1',
        created_at: '2026-11-20T01:00:00Z',
        read_at: null,
      },
    ],
    next_cursor: null,
    unread: 1,
  },
  'GET /me/repairs/candidates': { rule: '信用修复规则', basis: '《信用修复管理办法》', items: [CANDIDATE] },
  'GET /me/repairs/candidates?record_id=7': { rule: '信用修复规则', basis: '《信用修复管理办法》', items: [CANDIDATE] },
  'GET /me/repairs': { items: [] },
  'GET /me/supplements/suppliable': { basis: '《公共信用信息目录》', verification_days: 5, items: [SUPPLIABLE] },
  'GET /me/supplements': { items: [] },
  'GET /me/commitments': {
    items: [
      {
        commitment_id: 'm-1',
        record_id: null,
        type_name: '主动公示型',
        matter: '按时缴纳物业费',
        accepted_by: '桂城市信用办',
        signed_on: '2026-11-01',
        due_on: '2027-11-01',
        state: 'open',
        state_name: '履行中',
        record_state: null,
      },
    ],
  },
  'GET /me/commitments/types': {
    items: [{ code: 'voluntary', name: '主动公示型', published: false, needs_due_on: true }],
  },
  'GET /public/red-lists': {
    basis: '国发〔2016〕33号第三条',
    items: [{ code: 'tax_a', name: '纳税信用A级纳税人', basis: '发改财金〔2016〕1467号', valid_days: 395 }],
  },
  'GET /public/red-lists/tax_a': {
    items: [
      {
        code: '91990001MA0000001X',
        name: '桂城面包有限公司',
        title: '2025年度纳税缴费信用评价',
        level_name: 'A级',
        listed_on: '2026-04-28',
        until: '2027-05-28',
        source_department: '桂城市税务局',
      },
    ],
    next_cursor: null,
  },
  'GET /public/enterprises/91990001MA0000001X': {
    ...UNIT,
    licences: [],
    penalties: [
      {
        category_name: '行政处罚',
        title: '食品标签不符合规定：罚款',
        event_on: '2026-05-01',
        ended_on: null,
        public_until: '2027-05-01',
        level_name: '一般',
        source_department: '桂城市市场监督管理局',
        legal_basis: '《中华人民共和国行政处罚法》第四十八条',
        disputed: true,
        statements: ['本公司已提起行政诉讼'],
      },
    ],
    red_list: [],
    statutory_lists: [],
  },
  'GET /public/enterprises/91990001MA0000001X/commitments': { items: [] },
  'GET /public/enterprises/91990001MA0000001X/portrait': {
    history: { codes: [], events: [] },
    units: [],
    relations: [],
  },
  'GET /me/lists': {
    red_list: [
      {
        record_id: 7,
        list_name: '表彰荣誉获得者',
        basis: '《评比达标表彰活动管理办法》',
        title: '优秀志愿者',
        level_name: '市级',
        listed_on: '2026-01-05',
        until: '2031-01-04',
        source_department: '桂城市人力资源和社会保障局',
        disputed: false,
        statements: [],
      },
    ],
    statutory_lists: [],
    barred_by: [],
  },
  'GET /me/joint-incentives': {
    items: [
      {
        id: 'j-1',
        matter: '优秀志愿者激励',
        ground_name: '表彰荣誉获得者联合激励',
        basis: '国发〔2016〕33号第三条',
        initiator: '市社会信用管理办公室',
        initiated_at: '2026-11-20T01:00:00Z',
        consent: 'given',
        deeds: [
          {
            department: '桂城市交通运输局',
            measure_name: '优先提供公共服务便利',
            basis: '国发〔2016〕33号第五条',
            text: '免费乘车卡一张',
            done_on: '2026-11-21',
          },
        ],
      },
    ],
  },
  'GET /me/reports': {
    items: [
      {
        number: 'XY20261120-7KQ4M2PD',
        check_code: 'H3K9WQ2T',
        subject_kind: 'person',
        subject_name: '林*兰',
        enterprise: null,
        stationery: 'with_score',
        masked: false,
        state: 'valid',
        pages: 2,
        as_of: '2026-11-20',
        issued_at: '2026-11-20T01:00:00Z',
        issued_by: '本人',
        valid_to: '2026-12-20',
        downloadable: true,
        file_sha256: 'ab',
        verification_url: 'https://credit.example/m/',
      },
    ],
  },
  'GET /me/records?limit=100': { items: [RECORD], next_cursor: null },
}

let phone: Phone

beforeAll(() => {
  phone = switchOn((method, path) => ({ status: 200, body: ANSWERS[`${method} ${path}`] ?? null }))
})
afterAll(() => phone.putAway())

describe('the built mini-program', () => {
  it('asks whoever is not signed in to sign in', () => {
    expect(phone.visited).toEqual(['reLaunch /pages/sign-in/sign-in'])
  })

  it('lets whoever is not signed in look an enterprise up, and says so when there is no such page', () => {
    const before = phone.visited.length
    phone.startAt('pages/enterprises/search')
    expect(phone.visited.slice(before)).toEqual([])
    phone.startAt('pages/moved/away')
    expect(phone.visited.slice(before)).toEqual(['redirectTo /pages/not-found/not-found'])
  })

  it('signs a demo citizen in with one tap and keeps only the token', async () => {
    const screen = await phone.open('pages/sign-in/sign-in')
    expect(screen.text()).toContain('按时履约的志愿者')
    expect(screen.text()).toContain('虚构')

    await screen.tap('sign-in__person', '王*兰')

    expect(phone.sent.at(-1)).toMatchObject({
      method: 'POST',
      path: '/sign-in',
      body: { adapter: 'demo', credential: 'demo-citizen-1' },
    })
    expect(phone.storage).toEqual({ 'osmanthus.session': 'token-1' })
    expect(phone.visited.at(-1)).toBe('switchTab /pages/score/score')
  })

  it('shows the score as the exact sum of its parts, and the records behind a part when it is tapped', async () => {
    const screen = await phone.open('pages/score/score')
    expect(phone.sent.find(({ path }) => path === '/me/score')?.header.Authorization).toBe('Bearer token-1')
    const text = screen.text()
    for (const words of ['109', '.62', '良好', '再加 10.38 分，就到“优秀”', '+18.00', '−8.38', '100.00 + 9.62', '= 109.62 分']) {
      expect(text).toContain(words)
    }
    expect(text).not.toContain('河道清洁志愿服务')

    await screen.tap('contribution__head', '志愿服务')

    expect(screen.text()).toContain('河道清洁志愿服务')
    expect(screen.text()).toContain('计入到 2027年3月1日')
  })

  it('tells of a penalty until when it is public, that it is disputed and what the party says', async () => {
    const text = (await phone.open('pages/enterprises/detail', QUERIES['pages/enterprises/detail'])).text()
    for (const words of ['存续', '2012年9月1日', '公示到2027年5月1日', '正在异议核查', '本公司已提起行政诉讼']) {
      expect(text).toContain(words)
    }
    expect(text).toContain('现在没有公示的行政许可。')
    expect(text).not.toContain('打印')
  })

  // WeChat evaluates all conditions of a v-else-if chain at once, also before there is data for the later ones.
  it.each(PAGES)('draws %s without an error from its first moment on', async (page) => {
    const complaint = vi.spyOn(console, 'error')
    const screen = await phone.open(page, QUERIES[page])
    expect(complaint.mock.calls).toEqual([])
    expect(screen.text()).not.toContain('再试一次')
    complaint.mockRestore()
  })

  it('shows a report with WeChat itself, fetched with the session of its owner', async () => {
    const screen = await phone.open('pages/reports/reports')
    await screen.tap('reports__open', '打开 PDF')
    await vi.waitFor(() => expect(phone.visited).toContain('openDocument wxfile://tmp/1 pdf'))
    const download = phone.sent.find(({ method }) => method === 'DOWNLOAD')
    expect(download?.path).toBe('/me/reports/XY20261120-7KQ4M2PD/file')
    expect(download?.header.Authorization).toMatch(/^Bearer ./)
  })
})
