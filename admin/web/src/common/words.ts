/** What codes are called on screen, and the tone in which a state is shown. One place, so a word never varies. */
import type {
  CheckedRow,
  CommitmentCase,
  DeletionCase,
  DeletionCaseInFull,
  Delivery,
  Incentive,
  IncentiveRequest,
  ObjectionCase,
  RepairCase,
  ScoreRun,
  SourceWarning,
  SubjectKind,
  SupplementCase,
} from '../api/types'
import type { Role } from '../session'

export type Tone = 'calm' | 'good' | 'busy' | 'attention' | 'quiet'

export interface Word {
  text: string
  tone: Tone
}

export const SUBJECT_KINDS: Record<SubjectKind, string> = { person: '自然人', enterprise: '企业' }

export const RUN_STATES: Record<ScoreRun['state'], Word> = {
  running: { text: '计算中', tone: 'busy' },
  staged: { text: '待发布', tone: 'busy' },
  published: { text: '已发布', tone: 'good' },
  superseded: { text: '已被取代', tone: 'quiet' },
  failed: { text: '失败', tone: 'attention' },
}

export const CREDIT_CHECK_STATES: Record<string, Word> = {
  running: { text: '核查中', tone: 'busy' },
  done: { text: '已完成', tone: 'good' },
}

export const CHECK_OUTCOMES: Record<CheckedRow['outcome'], Word> = {
  found: { text: '有相关信息', tone: 'attention' },
  clear: { text: '未发现相关信息', tone: 'good' },
  not_registered: { text: '未查到该主体', tone: 'quiet' },
  number_wrong: { text: '证件号码有误', tone: 'quiet' },
  not_covered: { text: '核查目的不含此类主体', tone: 'quiet' },
}

export const SUBJECT_KIND_NAMES: Record<string, string> = {
  person: '自然人',
  enterprise: '企业',
  organisation: '其他组织',
}

export const DELIVERY_STATES: Record<Delivery['state'], Word> = {
  receiving: { text: '接收中', tone: 'busy' },
  done: { text: '已完成', tone: 'good' },
  failed: { text: '中断', tone: 'attention' },
}

export const OBJECTION_STATES: Record<ObjectionCase['state'], Word> = {
  filed: { text: '待办理', tone: 'calm' },
  forwarded: { text: '数源单位核查中', tone: 'busy' },
  disclaimed: { text: '待改派', tone: 'attention' },
  replied: { text: '数源单位已答复', tone: 'calm' },
  upheld: { text: '异议成立', tone: 'good' },
  partly_upheld: { text: '部分成立', tone: 'good' },
  rejected: { text: '异议不成立', tone: 'quiet' },
  withdrawn: { text: '本人已撤回', tone: 'quiet' },
  redirected: { text: '已移送', tone: 'quiet' },
}

export const OBJECTION_KINDS: Record<ObjectionCase['kind'], string> = {
  record: '信用记录',
  list_entry: '列入名单',
  score: '信用分复核',
  benefit: '权益资格复核',
}

export const ENTERPRISE_STATES: Record<string, Word> = {
  active: { text: '存续', tone: 'good' },
  cancelled: { text: '已注销或吊销', tone: 'quiet' },
  merged: { text: '已合并', tone: 'quiet' },
}

export const DRAFT_STATES: Record<string, Word> = {
  proposed: { text: '待审核', tone: 'busy' },
  approved: { text: '已通过', tone: 'good' },
  rejected: { text: '已退回', tone: 'quiet' },
}

export const CHANGE_KINDS: Record<string, Word> = {
  added: { text: '新增', tone: 'good' },
  removed: { text: '取消', tone: 'attention' },
  changed: { text: '修改', tone: 'busy' },
}

const REGISTER_KINDS: Record<string, string> = { person: '自然人', enterprise: '企业', organisation: '非企业组织' }

export function registerKind(code: string): string {
  return REGISTER_KINDS[code] ?? code
}

export const WARNING_KINDS: Record<SourceWarning['kind'], string> = {
  silent: '久未报送',
  refused_share: '差错明显增多',
  category_mix: '类别占比变化',
  empty_cells: '填写情况变化',
}

export const WARNING_STATES: Record<SourceWarning['state'], Word> = {
  open: { text: '待确认', tone: 'attention' },
  acknowledged: { text: '已确认', tone: 'quiet' },
}

export const REPAIR_STATES: Record<RepairCase['state'], Word> = {
  filed: { text: '待受理', tone: 'calm' },
  returned: { text: '待补正', tone: 'quiet' },
  accepted: { text: '已受理', tone: 'busy' },
  with_department: { text: '认定单位审核中', tone: 'busy' },
  approved: { text: '同意修复', tone: 'good' },
  done: { text: '已修复', tone: 'good' },
  refused: { text: '不予修复', tone: 'quiet' },
  withdrawn: { text: '已撤回', tone: 'quiet' },
  revoked: { text: '修复已撤销', tone: 'attention' },
}

export const SUPPLEMENT_STATES: Record<SupplementCase['state'], Word> = {
  filed: { text: '待核验', tone: 'calm' },
  returned: { text: '待补正', tone: 'quiet' },
  verified: { text: '已核验', tone: 'good' },
  refused: { text: '核验未通过', tone: 'quiet' },
  withdrawn: { text: '已撤回', tone: 'quiet' },
}

export const INCENTIVE_STATES: Record<Incentive['state'], Word> = {
  open: { text: '办理中', tone: 'calm' },
  closed: { text: '已办结', tone: 'good' },
}

export const INCENTIVE_REQUEST_STATES: Record<IncentiveRequest['state'], Word> = {
  asked: { text: '待响应', tone: 'calm' },
  accepted: { text: '待反馈', tone: 'busy' },
  declined: { text: '未采取措施', tone: 'quiet' },
  done: { text: '已反馈', tone: 'good' },
  withdrawn: { text: '已撤回', tone: 'quiet' },
}

export const DELETION_STATES: Record<DeletionCase['state'], Word> = {
  under_review: { text: '待审核', tone: 'calm' },
  deleted: { text: '已删除', tone: 'good' },
  partly: { text: '部分删除', tone: 'good' },
  refused: { text: '依法保留', tone: 'quiet' },
  withdrawn: { text: '已撤回', tone: 'quiet' },
}

export const DELETION_FATES: Record<DeletionCaseInFull['items'][number]['disposition'], Word> = {
  delete: { text: '已删除', tone: 'good' },
  review: { text: '人工审核', tone: 'busy' },
  keep: { text: '依法保留', tone: 'quiet' },
}

export const COMMITMENT_STATES: Record<CommitmentCase['state'], Word> = {
  signed: { text: '履行中', tone: 'calm' },
  fulfilled: { text: '已履行', tone: 'good' },
  partly_fulfilled: { text: '部分履行', tone: 'busy' },
  broken: { text: '未履行', tone: 'attention' },
  cancelled: { text: '已终止', tone: 'quiet' },
}

const RECORD_STATES: Record<string, string> = {
  active: '有效',
  disputed: '异议中',
  repaired: '已修复',
  revoked: '已撤销',
  expired: '已到期',
}

export function recordState(code: string): string {
  return RECORD_STATES[code] ?? code
}

const REASONS: Record<string, string> = {
  required: '必填项为空',
  date_unreadable: '日期无法辨认',
  dates_out_of_order: '日期先后颠倒',
  date_in_future: '日期晚于报送当天',
  number_unreadable: '数字无法辨认',
  number_negative: '数字为负',
  number_too_large: '数字过大',
  too_many_decimals: '小数位过多',
  too_long: '内容过长',
  unreadable_characters: '含无法辨认的字符',
  value_unknown: '不是允许的取值',
  level_unknown: '等级不在目录中',
  category_not_in_force: '类别不在现行目录中',
  wrong_template: '类别与模板不符',
  subject_unknown: '主体不在登记册中',
  subject_kind: '主体类别不符',
  under_fourteen: '未满 14 周岁，不归集',
  written_consent_missing: '没有单独书面同意，未保存',
  not_collected: '不属归集范围',
  simple_procedure: '简易程序处罚不归集',
  conflicting_source: '与他单位的记录冲突',
  malformed_line: '整行无法拆分',
  source_code_differs: '不是本单位的代码',
  category_of_another_department: '由其他单位报送的类别',
  kind_differs: '与登记册的类别不符',
  repeated_in_delivery: '同一文件中重复',
  code_taken: '代码已属于其他主体',
  enterprise_unknown: '企业不在登记册中',
  principal_unknown: '人员不在登记册中',
  identifier_check_digit: '号码校验位不符',
  identifier_kind: '号码类别不符',
}

/** A short name for a kind of fault; one that is new to this page is named by its example. */
export function reasonName(code: string, example: string): string {
  return REASONS[code] ?? (code.startsWith('identifier_') ? '号码有误' : (example.split(/[，。；]/)[0] ?? code))
}

const POLARITIES: Record<string, string> = { positive: '守信', negative: '失信', neutral: '中性' }

export function polarity(code: string): string {
  return POLARITIES[code] ?? code
}

const ROLES: Record<Role, string> = {
  score_officer: '评分专员',
  window_officer: '窗口专员',
  reviewer: '复核员',
  objection_officer: '异议专员',
  data_officer: '数据专员',
  auditor: '审计员',
  department_officer: '数源单位经办',
}

export function roleNames(roles: readonly string[]): string {
  return roles.map((role) => ROLES[role as Role] ?? role).join('、')
}
