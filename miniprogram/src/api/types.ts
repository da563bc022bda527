/**
 * What the server answers, field by field.
 *
 * Points are integer hundredths (12345 is 123.45 分), amounts integer cents, quantities integer hundredths of the
 * category's unit, dates `YYYY-MM-DD`, moments ISO 8601 in UTC.
 */

export type CityDate = string
export type Moment = string

export interface Page<T> {
  items: T[]
  next_cursor: string | null
}

export interface DemoCitizen {
  credential: string
  name: string
  story: string
}

export interface SignInOptions {
  adapter: string
  city_name: string
  demo_citizens?: DemoCitizen[]
}

export interface SignedIn {
  token: string
  expires_at: Moment
  citizen: { name: string; identifier: string }
}

export interface Me {
  name: string
  identifier: string
  adult: boolean
  activated: boolean
  activated_at: Moment | null
  city_name: string
  enterprises: { public_code: string; name: string; kind: 'enterprise' | 'organisation'; role: string }[]
}

/** What is published of an entry of a red list or of a statutory list. */
export interface PublicListEntry {
  list_name: string
  basis: string
  title: string
  level_name: string | null
  listed_on: CityDate
  until: CityDate | null
  source_department: string
  disputed: boolean
  statements: string[]
}

/** `record_id` is what the entry rests on. */
export interface ListEntry extends PublicListEntry {
  record_id: number
}

/** What the law attaches to being on the list; the departments that it names do it. */
export interface StatutoryEntry extends PublicListEntry {
  measures: { text: string; basis: string }[]
}

export type UnitStatus = 'active' | 'cancelled' | 'merged'

/** An enterprise or organisation as far as a link to its page needs it. */
export interface NamedUnit {
  code: string
  name: string
  status: UnitStatus
}

export interface Unit extends NamedUnit {
  kind: 'enterprise' | 'organisation'
  registered_on: CityDate | null
  /** Who took over a merged one and is in being today. */
  successor: NamedUnit | null
}

export interface PublishedRecord {
  category_name: string
  title: string
  event_on: CityDate
  ended_on: CityDate | null
  /** The last day on which it may be public; null while nothing ends it. */
  public_until: CityDate | null
  level_name: string | null
  source_department: string
  legal_basis: string
  disputed: boolean
  statements: string[]
}

export interface PublicUnit extends Unit {
  licences: PublishedRecord[]
  penalties: PublishedRecord[]
  red_list: PublicListEntry[]
  statutory_lists: StatutoryEntry[]
}

/** What everybody who reads a commitment is told of it. */
interface ToldCommitment {
  type_name: string
  matter: string
  accepted_by: string
  signed_on: CityDate
  due_on: CityDate | null
  state: string
  state_name: string
}

export interface PublicCommitment extends ToldCommitment {
  public_until: CityDate | null
  disputed: boolean
  statements: string[]
}

export interface UnitHistoryEvent {
  on: CityDate | null
  event: string
  event_name: string
  before: string | null
  after: string | null
  other: NamedUnit | null
}

export interface PublicPortrait {
  history: {
    codes: { scheme_name: string; code: string; is_present: boolean }[]
    events: UnitHistoryEvent[]
  }
  units: NamedUnit[]
  /** `enterprise` and `principal` are codes; of a branch the principal is the branch itself. */
  relations: { enterprise: string; principal: string; role: string; role_name: string }[]
}

/** The red lists that are published, with what each rests on; `valid_days` at most. */
export interface PublishedRedLists {
  basis: string
  items: { code: string; name: string; basis: string; valid_days: number }[]
}

/** An enterprise or organisation on a published red list. */
export interface PublishedEntry {
  code: string
  name: string
  title: string
  level_name: string | null
  listed_on: CityDate
  until: CityDate
  source_department: string
}

export interface OwnLists {
  red_list: ListEntry[]
  statutory_lists: ListEntry[]
  barred_by: string[]
}

export interface JointIncentive {
  id: string
  matter: string
  ground_name: string
  basis: string
  initiator: string
  initiated_at: Moment
  consent: 'not_needed' | 'waiting' | 'given' | 'not_given'
  deeds: { department: string; measure_name: string; basis: string; text: string; done_on: CityDate }[]
}

export interface ActivationNotice {
  version: string
  title: string
  paragraphs: string[]
}

export interface Grade {
  code: string
  name: string
}

export interface GradeStep extends Grade {
  minimum: number
}

export interface RecordPart {
  id: number
  points: number
  /** The last day on which this record still counts; null while nothing ends it. */
  counts_until: CityDate | null
}

export interface Contribution {
  indicator: string
  name: string
  dimension: string
  dimension_name: string
  points: number
  reason: string
  records: RecordPart[]
  fades_on: CityDate | null
}

export interface Score {
  total: number
  grade: Grade
  base: number
  minimum: number
  maximum: number
  as_of: CityDate
  computed_at: Moment
  policy: { code: string; name: string; version: string; hash: string }
  grades: GradeStep[]
  contributions: Contribution[]
  key_factors: string[]
  advice: { sentence: string; gain: number }[]
  /** A change is recorded and the new score is being computed. */
  pending: boolean
  not_counted: { record_id: number; why: string }[]
}

export interface HistoryPoint {
  as_of: CityDate
  computed_at: Moment
  total: number
  /** The grade's code. */
  grade: string
  cause: string
}

export type Polarity = 'positive' | 'negative' | 'neutral'
export type RecordState = 'active' | 'disputed' | 'repaired' | 'revoked' | 'expired'

export interface CreditRecord {
  id: number
  category: string
  category_name: string
  polarity: Polarity
  title: string
  event_on: CityDate
  ended_on: CityDate | null
  state: RecordState
  level_name: string | null
  quantity: number
  unit: string
  amount: number | null
  source_department: string
  legal_basis: string
  may_object: boolean
  objection_id: string | null
}

export interface RecordVersion {
  version: number
  state: RecordState
  changed_at: Moment
  changed_by: string
  reason: string
  event: 'delivered' | 'corrected' | 'disputed' | 'restored' | 'repaired' | 'revoked' | 'expired'
  event_name: string
  sentence: string
  changes: FactChange[]
}

/** One fact that a version changed; null where it was not there. */
export interface FactChange {
  name: string
  before: string | null
  after: string | null
}

export interface RecordDetail extends CreditRecord {
  /** Of adverse information that counts: the last day on which anybody else is shown it. */
  shown_until: CityDate | null
  content: Record<string, string | number | null>
  versions: RecordVersion[]
  /** The citizen's own words beside the record, after an objection that did not succeed. */
  statements: string[]
}

export interface UnmetCondition {
  fact: string
  reason: string
  need: string
  have: string
  /** The next step for someone who is not there yet. */
  how: string
  /** Worked out from the policy in force and the citizen's own records; empty when nothing surely leads there. */
  ways: { steps: string[]; result: string; on: CityDate | null }[]
}

/** What a tier gives: one line, and the fine points where it has any; further entries are for the merchant's till. */
export interface Terms {
  summary: string
  details?: string[]
  [forTheTill: string]: unknown
}

export interface Quota {
  limit: number
  used: number
  period: string
  period_name: string
}

export interface Benefit {
  documents: string[]
  code: string
  name: string
  scene: string
  scene_name: string
  summary: string
  providers: string[]
  /** The enterprise whom the citizen may use it for; null for a benefit of their own. */
  enterprise: { public_code: string; name: string } | null
  tier: { name: string; terms: Terms } | null
  unmet: UnmetCondition[]
  quota: Quota | null
  effective_to: CityDate | null
}

export interface Benefits {
  eligible: Benefit[]
  nearly: Benefit[]
  not_eligible: Benefit[]
}

export interface OneTimeCode {
  code: string
  expires_at: Moment
  renew_at: Moment
  /** A data URI, ready for an image. */
  qr_svg: string
}

export type AuthorizationKind = 'activation' | 'sharing' | 'check_at_counter'
export type AuthorizationState = 'requested' | 'given' | 'refused' | 'paused' | 'withdrawn' | 'expired'

export interface RecipientDeletion {
  due_on: CityDate
  state: 'waiting' | 'overdue' | 'confirmed'
  confirmed_at: Moment | null
  statement: string | null
}

export interface Authorization {
  id: string
  kind: AuthorizationKind
  /** Name and code of the enterprise it was given for; null when it is the citizen's own. */
  on_behalf_of: string | null
  recipient: string
  purpose: string
  data: string[]
  output: string
  mode: 'once' | 'until_expiry'
  frequency: string | null
  longest_days: number | null
  state: AuthorizationState
  requested_at: Moment
  given_at: Moment | null
  expires_at: Moment | null
  ended_at: Moment | null
  /** Why it ended, when neither the citizen nor its term ended it. */
  end_reason: string | null
  last_used_at: Moment | null
  reconfirm_due_at: Moment | null
  /** What became of what the recipient had received, after the consent ended. */
  recipient_deletion: RecipientDeletion | null
  can_withdraw: boolean
  can_pause: boolean
}

export interface AskedScope {
  scope: string
  name: string
  data: string[]
  output: string
  purpose: string
  longest_days: number
  frequency: string | null
  needs_activation: boolean
  held_until: Moment | null
}

/** An institution has sent the browser here and asks; each scope is decided by itself. */
export interface AuthorizationRequest {
  institution: string
  public_code: string | null
  /** The enterprise that is asked about; without `represented` nothing can be agreed to. */
  on_behalf_of: { public_code: string; name: string | null; represented: boolean } | null
  asked: AskedScope[]
  notice_version: string
  notice: string[]
  expires_at: Moment
}

export type LoanReferralState = 'sent' | 'applied' | 'granted' | 'declined' | 'withdrawn'

export interface LoanReferral {
  id: string
  number: string
  institution: string
  scheme_code: string
  scheme_name: string
  summary: string
  state: LoanReferralState
  state_name: string
  reason: string | null
  granted_cents: number | null
  consent_id: string
  sent_at: Moment
  steps: { event: string; at: Moment }[]
}

export interface LoanInstitutions {
  items: { code: string; name: string }[]
  output: string
  notice_version: string
  notice: string[]
}

export interface ReceiptEvent {
  event: string
  at: string
  actor: string
  reason?: string
}

/** What the citizen keeps of a consent. Anyone can check its digest and signature. */
export interface Receipt {
  format: string
  issuer: string
  issued_at: string
  consent: {
    id: string
    kind: AuthorizationKind
    on_behalf_of?: string
    recipient: string
    purpose: string
    data: string[]
    output: string
    mode: string
    notice_version: string
    requested_at: string
    expires_at: string | null
  }
  state: AuthorizationState
  events: ReceiptEvent[]
  digest: string
  signature: string
  public_key: string
}

export interface DataChoice {
  category: string
  name: string
  source_department: string
  legal_basis: string
  declined: boolean
  records: number
}

export interface NotificationSetting {
  kind: string
  name: string
  on: boolean
}

export type AccessComplaintState = 'filed' | 'answered' | 'withdrawn'

export interface AccessComplaint {
  id: string
  entry_id: number
  who: string
  action_name: string
  grounds: string
  state: AccessComplaintState
  filed_at: Moment
  answer_due_on: CityDate
  proper: boolean | null
  reply: string | null
  closed_at: Moment | null
}

export type ObjectionState =
  | 'filed'
  | 'forwarded'
  | 'disclaimed'
  | 'replied'
  | 'upheld'
  | 'partly_upheld'
  | 'rejected'
  | 'withdrawn'
  | 'redirected'

export type ObjectionKind = 'record' | 'list_entry' | 'score' | 'benefit'

export interface Objection {
  id: string
  kind: ObjectionKind
  /** For whom it was filed; null for the citizen themselves. */
  enterprise: { public_code: string; name: string } | null
  /** Null when it is not about a record. */
  record_id: number | null
  record_title: string
  category_name: string
  grounds: string
  state: ObjectionState
  filed_at: Moment
  answer_due_on: CityDate
  extended: boolean
  department_name: string | null
  decided_at: Moment | null
  reply: string | null
  /** The body outside the city's platform that it was handed to. */
  redirected_to: string | null
  /** The citizen's own words beside the record, after an objection that did not succeed. */
  statement: string | null
}

export interface ObjectionStep {
  at: Moment
  event: string
  event_name: string
  note: string
}

export interface ObjectionDetail extends Objection {
  steps: ObjectionStep[]
  evidence: Evidence[]
  /** What the source department's reply rests on; empty until it has replied. */
  department_evidence: Evidence[]
}

/** What an objection is about: one of the three. */
export type ObjectionMatter =
  | { kind: 'record'; record_id: number }
  | { kind: 'score' }
  | { kind: 'benefit'; scheme: string }

export interface Evidence {
  id: string
  filename: string
  media_type: string
  size: number
}

export interface Notification {
  id: number
  kind: string
  title: string
  body: string
  /** `objection:…` and the like; null when it leads nowhere. */
  about: string | null
  /** Of which enterprise that the citizen represents; null for their own. */
  enterprise: string | null
  created_at: Moment
  read_at: Moment | null
}

export interface Notifications extends Page<Notification> {
  unread: number
}

export type ActorKind = 'citizen' | 'partner' | 'officer' | 'department' | 'system'

/** One time a code was shown at a counter, and what came of it. */
export interface BenefitUse {
  check_id: string
  scheme: string
  scene_name: string
  partner: string
  checked_at: Moment
  eligible: boolean
  redeemed_at: Moment | null
  cancelled_at: Moment | null
}

export interface MerchantComplaint {
  id: string
  check_id: string
  what: string
  state: string
  state_name: string
  filed_at: Moment
  answer: string | null
  closed_at: Moment | null
}

export interface LedgerConsent {
  id: string
  purpose: string
  data: string[]
  output: string
  frequency: string | null
  given_at: Moment | null
  expires_at: Moment | null
  state: AuthorizationState
}

export interface LedgerEntry {
  id: number
  at: Moment
  who: string
  who_kind: ActorKind
  action: string
  action_name: string
  basis: string
  purpose: string
  what: string
  /** What the citizen had agreed to, when it was disclosed on their consent. */
  consent: LedgerConsent | null
  unusual: boolean
  complaint: AccessComplaintState | null
}

/** Whose matter: null is the citizen themselves, otherwise the code of an enterprise they legally represent. */
export type ActingFor = string | null

export interface CaseStep {
  event: string
  name: string
  at: Moment
  actor: string
}

export interface Letter {
  title: string
  text: string
  liability: string
  basis: string
  /** Signing names it: what is signed is what was read. */
  sha256: string
}

export interface RepairCondition {
  code: string
  name: string
  met: boolean
  /** The day from which time alone will have met it. */
  met_from: CityDate | null
  sentence: string
}

export interface RepairRecord {
  id: number
  title: string
  category_name: string
  event_on: CityDate
  state: RecordState
  level_name: string | null
  department: string
}

export interface RepairCandidate {
  record: RepairRecord
  conditions: RepairCondition[]
  may_apply: boolean
  repairable_from: CityDate | null
  repair_id: string | null
}

export interface RepairCandidates {
  rule: string
  basis: string
  items: RepairCandidate[]
}

export interface Repair {
  id: string
  state: string
  state_name: string
  applied_by: string
  department: string
  rule: string
  explanation: string
  drafted_at: Moment
  filed_at: Moment | null
  due_on: CityDate | null
  result_due_on: CityDate | null
  decided_at: Moment | null
  reply: string | null
  may_withdraw: boolean
  records: RepairRecord[]
}

export interface RepairDetail extends Repair {
  conditions: RepairCondition[]
  evidence: { id: string; filename: string }[]
  steps: CaseStep[]
  /** Null when the case cannot be handed in (any more). */
  letter: Letter | null
}

export interface SuppliableField {
  column: string
  label: string
  kind: 'text' | 'date' | 'number' | 'choice'
  required: boolean
  choices: string[]
}

export interface SuppliableCategory {
  category: string
  name: string
  hint: string
  department: string
  evidence: boolean
  written_consent: boolean
  fields: SuppliableField[]
}

export interface Suppliable {
  basis: string | null
  verification_days: number | null
  items: SuppliableCategory[]
}

export interface Supplement {
  id: string
  category: string
  category_name: string
  cells: Record<string, string>
  state: string
  state_name: string
  department: string
  filed_at: Moment
  due_on: CityDate | null
  decided_at: Moment | null
  reply: string | null
  record_id: number | null
  steps: CaseStep[]
}

export interface DeletionAsked {
  scope: 'all' | 'category' | 'record'
  category: string | null
  record_id: number | null
  ground: string
  reason: string
}

export interface DeletionLine {
  part: string
  disposition: 'delete' | 'review' | 'keep'
  name: string
  count: number
  basis: string
  why: string
  until: CityDate | null
  term: string
}

export interface DeletionPlan {
  items: DeletionLine[]
  stopped: string[]
  digest: string
  basis: string
}

export interface DeletionRequest {
  id: string
  scope: 'all' | 'category' | 'record'
  category_name: string | null
  ground_name: string
  state: string
  state_name: string
  filed_at: Moment
  due_on: CityDate | null
  reply: string | null
  items: DeletionLine[]
  proofs: { number: number; digest: string }[]
  steps: CaseStep[]
}

export interface DeletionRequests {
  items: DeletionRequest[]
  categories: { category: string; name: string; records: number }[]
}

export interface CommitmentType {
  code: string
  name: string
  published: boolean
  needs_due_on: boolean
}

export interface ListedCommitment extends ToldCommitment {
  commitment_id: string | null
  record_id: number | null
  record_state: RecordState | null
}

export interface CommitmentDetail extends ListedCommitment {
  code: string
  text: string
  liability: string
  text_sha256: string
  signed_by: string
  signed_at: Moment
  published: boolean
  finding: string | null
  steps: CaseStep[]
}

export type Stationery = 'with_score' | 'without_score'

export interface ReportRequest {
  stationery: Stationery
  masked: boolean
  /** 统一社会信用代码 of the enterprise that the citizen represents; null for oneself. */
  enterprise: string | null
}

export interface Report {
  number: string
  check_code: string
  subject_kind: 'person' | 'enterprise'
  subject_name: string
  enterprise: string | null
  stationery: Stationery
  masked: boolean
  state: 'valid' | 'superseded' | 'lapsed'
  pages: number
  as_of: CityDate
  issued_at: Moment
  issued_by: string
  valid_to: CityDate
  downloadable: boolean
  file_sha256: string
  verification_url: string
}

export interface Reports {
  items: Report[]
  /** How long one that is printed today may be relied on. */
  valid_days: number
}

export interface Verification {
  verdict: 'valid' | 'superseded' | 'forged'
  sentence: string
  issued_on: CityDate | null
  valid_to: CityDate | null
  file_compared: boolean
}
