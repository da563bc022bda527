/** The words for the server's codes. A code that this build does not know yet is shown as it is, never hidden. */
import type {
  AccessComplaintState,
  ActorKind,
  Authorization,
  FactChange,
  LedgerConsent,
  LoanReferralState,
  Moment,
  ObjectionState,
  Polarity,
  ReceiptEvent,
  RecipientDeletion,
  RecordState,
  UnitStatus,
} from '../api/types'
import { cityDate, longDate } from './dates'

export type Tone = 'good' | 'bad' | 'waiting' | 'quiet'

export interface Label {
  text: string
  tone: Tone
}

const RECORD_STATES: Record<RecordState, Label> = {
  active: { text: '有效', tone: 'quiet' },
  disputed: { text: '异议中', tone: 'waiting' },
  repaired: { text: '已修复', tone: 'good' },
  revoked: { text: '已撤销', tone: 'quiet' },
  expired: { text: '已到期', tone: 'quiet' },
}

const POLARITIES: Record<Polarity, Label> = {
  positive: { text: '守信', tone: 'good' },
  negative: { text: '失信', tone: 'bad' },
  neutral: { text: '登记', tone: 'quiet' },
}

const LIFE_EVENTS: Record<string, Tone> = {
  delivered: 'quiet',
  corrected: 'waiting',
  disputed: 'waiting',
  restored: 'quiet',
  repaired: 'good',
  revoked: 'quiet',
  expired: 'quiet',
}

const OBJECTION_STATES: Record<ObjectionState, Label> = {
  filed: { text: '已受理', tone: 'waiting' },
  forwarded: { text: '数源单位核查中', tone: 'waiting' },
  disclaimed: { text: '正在改派数源单位', tone: 'waiting' },
  replied: { text: '数源单位已答复，待办结', tone: 'waiting' },
  upheld: { text: '异议成立', tone: 'good' },
  partly_upheld: { text: '异议部分成立', tone: 'good' },
  rejected: { text: '异议不成立', tone: 'bad' },
  withdrawn: { text: '已撤回', tone: 'quiet' },
  redirected: { text: '已移送', tone: 'quiet' },
}

const AUTHORIZATION_STATES: Record<Authorization['state'], Label> = {
  requested: { text: '等您决定', tone: 'waiting' },
  given: { text: '生效中', tone: 'good' },
  refused: { text: '已拒绝', tone: 'quiet' },
  paused: { text: '已暂停', tone: 'waiting' },
  withdrawn: { text: '已撤回', tone: 'quiet' },
  expired: { text: '已到期', tone: 'quiet' },
}

const ACCESS_COMPLAINT_STATES: Record<AccessComplaintState, Label> = {
  filed: { text: '核查中', tone: 'waiting' },
  answered: { text: '已答复', tone: 'good' },
  withdrawn: { text: '已撤回', tone: 'quiet' },
}

const CONSENT_EVENTS: Record<string, string> = {
  give: '同意',
  refuse: '不同意',
  pause: '暂停',
  resume: '恢复',
  reconfirm: '再次确认',
  withdraw: '撤回',
  expire: '到期',
}

const ACTORS: Record<ActorKind, { text: string; badge: string }> = {
  citizen: { text: '本人', badge: '我' },
  partner: { text: '合作商户', badge: '商' },
  officer: { text: '信用办工作人员', badge: '办' },
  department: { text: '政府部门', badge: '政' },
  system: { text: '系统自动处理', badge: '系' },
}

const PRINCIPAL_ROLES: Record<string, string> = {
  legal_representative: '法定代表人',
  shareholder: '股东',
  supervisor: '监事',
  branch: '分支机构负责人',
}

/** Why a score was computed, by the cause that the server keeps with it. */
const CHANGE_CAUSES: Record<string, string> = {
  run: '定期评分',
  activation: '开通',
  category_declined: '选择不记录一类信息',
  category_accepted: '恢复记录一类信息',
  record_collected: '有新记录或记录更新',
  record_corrected: '记录更正',
  objection_filed: '提出异议',
  objection_withdrawn: '撤回异议',
  objection_upheld: '异议成立',
  objection_partly_upheld: '异议部分成立',
  objection_rejected: '异议不成立',
  objection_redirected: '异议移送',
}
const OTHER_CAUSE = '记录变化'

const REPORT_STATES: Record<string, Label> = {
  valid: { text: '有效', tone: 'good' },
  superseded: { text: '已被取代', tone: 'waiting' },
  lapsed: { text: '已过有效期', tone: 'quiet' },
}

const UNIT_STATUSES: Record<UnitStatus, Label> = {
  active: { text: '存续', tone: 'good' },
  cancelled: { text: '已注销或吊销', tone: 'quiet' },
  merged: { text: '已合并', tone: 'waiting' },
}
const UNIT_KINDS: Record<string, string> = { enterprise: '企业', organisation: '非企业组织' }

const LOAN_TONES: Record<LoanReferralState, Tone> = {
  sent: 'waiting',
  applied: 'waiting',
  granted: 'good',
  declined: 'quiet',
  withdrawn: 'quiet',
}
const LOAN_STEPS: Record<string, string> = {
  send: '转给银行',
  apply: '银行受理',
  grant: '银行批准',
  decline: '银行未批准',
}

/** What a verifier is told, with the sign that says it without colour. */
const VERDICTS: Record<string, { text: string; mark: string }> = {
  valid: { text: '有效', mark: '✓' },
  superseded: { text: '已被取代', mark: '!' },
  forged: { text: '不是本机构出具，或已被改动', mark: '✕' },
}

const unknown = (code: string): Label => ({ text: code, tone: 'quiet' })

export const recordState = (state: string): Label => RECORD_STATES[state as RecordState] ?? unknown(state)
export const polarity = (code: string): Label => POLARITIES[code as Polarity] ?? unknown(code)
export const lifeEvent = (event: string): Tone => LIFE_EVENTS[event] ?? 'quiet'
export const objectionState = (state: string): Label => OBJECTION_STATES[state as ObjectionState] ?? unknown(state)
/** A consent with a reason was ended neither by the citizen nor by its term. */
export const authorizationState = (state: string, endReason?: string | null): Label =>
  endReason ? { text: '已终止', tone: 'quiet' } : (AUTHORIZATION_STATES[state as Authorization['state']] ?? unknown(state))
export const accessComplaintState = (state: string): Label =>
  ACCESS_COMPLAINT_STATES[state as AccessComplaintState] ?? unknown(state)
export const consentEvent = ({ event, reason }: ReceiptEvent): string =>
  reason ? `终止：${reason}` : (CONSENT_EVENTS[event] ?? event)
export const actor = (kind: string): { text: string; badge: string } =>
  ACTORS[kind as ActorKind] ?? { text: kind, badge: '他' }
export const principalRole = (role: string): string => PRINCIPAL_ROLES[role] ?? role
export const reportState = (state: string): Label => REPORT_STATES[state] ?? unknown(state)
export const unitStatus = (status: string): Label => UNIT_STATUSES[status as UnitStatus] ?? unknown(status)
export const unitKind = (kind: string): string => UNIT_KINDS[kind] ?? kind
export const loanTone = (state: LoanReferralState): Tone => LOAN_TONES[state]
export const loanStep = (event: string): string => LOAN_STEPS[event] ?? event
export const verdict = (code: string): { text: string; mark: string } => VERDICTS[code] ?? { text: code, mark: '?' }
export const changeCause = (cause: string): string => CHANGE_CAUSES[cause] ?? OTHER_CAUSE

/** What one version changed in one fact: "金额：从 12,000.50 元改为 8,000.00 元". */
export function changeSentence(change: FactChange): string {
  if (change.before === null) return `${change.name}：补充为 ${change.after ?? ''}`
  if (change.after === null) return `${change.name}：去掉了 ${change.before}`
  return `${change.name}：从 ${change.before} 改为 ${change.after}`
}

/** The one character that stands for a scene or a category in its badge: 信易阅 → 阅, 志愿服务 → 志. */
export function sceneBadge(sceneName: string): string {
  const name = sceneName.replace(/^信易\+?/, '')
  return (name || sceneName).slice(0, 1)
}

/** What an authorization lets happen, in one plain sentence. */
export function authorizationSentence(authorization: Authorization): string {
  const { kind, recipient, purpose, data } = authorization
  if (kind === 'activation') return `您同意${recipient}${purpose}。`
  const what = data.length === 0 ? '核验结果' : data.join('、')
  if (kind === 'check_at_counter') return `您出示凭码时，${recipient}可以核验：${what}，用于${purpose}。`
  if (authorization.state === 'requested') return `${recipient}希望获取：${what}，用于${purpose}。`
  return `您允许${recipient}获取：${what}，用于${purpose}。`
}

export function authorizationTerm(given: Moment | null, expires: Moment | null, ended: Moment | null): string {
  if (ended !== null) return `已于${longDate(cityDate(ended))}结束`
  const start = given === null ? '' : `${longDate(cityDate(given))}起，`
  return expires === null ? `${start}直到您撤回` : `${start}到${longDate(cityDate(expires))}为止`
}

/** What was agreed behind one look: what the recipient may learn, and how long. */
export function agreedTerms(consent: LedgerConsent): string {
  const term = authorizationTerm(consent.given_at, consent.expires_at, null)
  const parts = [consent.data.join('、'), consent.output && `对方得知${consent.output}`, consent.frequency, term]
  return parts.filter((part) => part).join('；')
}

/** What became of the data after a consent ended. */
export function recipientDeletionSentence({ state, due_on: due, statement }: RecipientDeletion): string {
  if (state === 'confirmed') return `对方已确认删除：${statement ?? ''}`
  return state === 'overdue'
    ? `对方应在${longDate(due)}前删除，逾期没有确认，信用办正在督促`
    : `对方应在${longDate(due)}前删除取得的信息，并向平台确认`
}

/** A sentence without the points at its end, where they already stand beside it: "志愿服务：+8.00" → "志愿服务". */
export function withoutPoints(sentence: string): string {
  return sentence.replace(/[：:]\s*[+\u2212-][\d.,]+$/, '')
}

const CASE_TONES: Record<string, Tone> = {
  done: 'good',
  approved: 'good',
  verified: 'good',
  fulfilled: 'good',
  filed: 'waiting',
  accepted: 'waiting',
  with_department: 'waiting',
  signed: 'waiting',
  returned: 'bad',
  broken: 'bad',
  revoked: 'bad',
  partly_fulfilled: 'bad',
}

/** How the state of a repair, supplement or commitment is shown; its words come from the server. */
export const caseTone = (state: string): Tone => CASE_TONES[state] ?? 'quiet'
