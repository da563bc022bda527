/** Every call that the client makes, typed. Pages import from here and from nowhere else. */
import { forgetSession, sessionToken } from '../sign_in/session'
import { leadToSignIn } from '../sign_in/strangers'
import { type ChosenFile, createClient } from './client'
import type {
  AccessComplaint,
  ActingFor,
  ActivationNotice,
  Authorization,
  AuthorizationRequest,
  Benefits,
  BenefitUse,
  CommitmentDetail,
  CommitmentType,
  CreditRecord,
  Evidence,
  HistoryPoint,
  JointIncentive,
  DataChoice,
  DeletionAsked,
  DeletionPlan,
  DeletionRequest,
  DeletionRequests,
  LedgerEntry,
  LoanInstitutions,
  LoanReferral,
  Letter,
  ListedCommitment,
  Me,
  MerchantComplaint,
  Notifications,
  NotificationSetting,
  Objection,
  ObjectionDetail,
  ObjectionMatter,
  OneTimeCode,
  OwnLists,
  Page,
  PublicCommitment,
  PublicPortrait,
  PublicUnit,
  PublishedEntry,
  PublishedRedLists,
  Receipt,
  RecordDetail,
  Repair,
  RepairCandidates,
  RepairDetail,
  Report,
  ReportRequest,
  Reports,
  Score,
  SignInOptions,
  SignedIn,
  Supplement,
  Suppliable,
  Unit,
  Verification,
} from './types'
import { uniTransport, uniUpload } from './uni-transport'

const client = createClient({
  transport: uniTransport,
  upload: uniUpload,
  token: sessionToken,
  onSignedOut: () => {
    forgetSession()
    leadToSignIn()
  },
  wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
})

const id = (value: string | number): string => encodeURIComponent(String(value))

export const serverNow = (): number => client.now()

export const getSignInOptions = () => client.get<SignInOptions>('/sign-in/options')
export const signIn = (adapter: string, credential: string) =>
  client.act<SignedIn>('POST', '/sign-in', { adapter, credential })
export const signOut = () => client.act<null>('DELETE', '/sign-in')

export const getMe = () => client.get<Me>('/me')
export const getActivationNotice = () => client.get<ActivationNotice>('/activation-notice')
export const activate = (noticeVersion: string) =>
  client.act<{ consent_id: string; activated_at: string }>('POST', '/me/activation', {
    notice_version: noticeVersion,
    agreed: true,
  })
export const leaveScore = () => client.act<null>('DELETE', '/me/activation')

export const getScore = () => client.get<Score>('/me/score')
export const getScoreHistory = async () =>
  (await client.get<{ items: HistoryPoint[] }>('/me/score/history')).items

export interface RecordFilter {
  category?: string
  state?: string
  cursor?: string | null
  limit?: number
}
export const getRecords = (enterprise: ActingFor, filter: RecordFilter = {}) =>
  client.get<Page<CreditRecord>>('/me/records', { enterprise, ...filter })
export const getRecord = (enterprise: ActingFor, recordId: number | string) =>
  client.get<RecordDetail>(`/me/records/${id(recordId)}`, { enterprise })

export const getLists = (enterprise: ActingFor) => client.get<OwnLists>('/me/lists', { enterprise })
export const getJointIncentives = async (enterprise: ActingFor) =>
  (await client.get<{ items: JointIncentive[] }>('/me/joint-incentives', { enterprise })).items

export const getBenefits = () => client.get<Benefits>('/me/benefits')
/** For any benefit, or for one; `enterprise` is the 统一社会信用代码 of the one the citizen acts for. */
export const newCode = (use: { scheme?: string; enterprise?: string }) =>
  client.act<OneTimeCode>('POST', '/me/codes', use)

export const getAuthorizations = async (enterprise: ActingFor) =>
  (await client.get<{ items: Authorization[] }>('/me/authorizations', { enterprise })).items
export const withdrawAuthorization = (authorizationId: string) =>
  client.act<Authorization>('DELETE', `/me/authorizations/${id(authorizationId)}`)

export const getObjections = async () => (await client.get<{ items: Objection[] }>('/me/objections')).items
export const getObjection = (objectionId: string) => client.get<ObjectionDetail>(`/me/objections/${id(objectionId)}`)
export const fileObjection = (enterprise: ActingFor, matter: ObjectionMatter, grounds: string, evidenceIds: string[]) =>
  client.act<ObjectionDetail>('POST', '/me/objections', {
    ...on(enterprise),
    ...matter,
    grounds,
    evidence_ids: evidenceIds,
  })
export const withdrawObjection = (objectionId: string) =>
  client.act<ObjectionDetail>('POST', `/me/objections/${id(objectionId)}/withdrawal`)
export const addObjectionEvidence = (objectionId: string, evidenceIds: string[]) =>
  client.act<ObjectionDetail>('POST', `/me/objections/${id(objectionId)}/evidence`, { evidence_ids: evidenceIds })
export const attachStatement = (objectionId: string, statement: string) =>
  client.act<ObjectionDetail>('POST', `/me/objections/${id(objectionId)}/statement`, { statement })

/** The server keeps it a day until an application takes it up. */
export const uploadEvidence = (file: ChosenFile) => client.upload<Evidence>('/me/evidence', file)

export const getNotifications = (cursor: string | null, limit = 30) =>
  client.get<Notifications>('/me/notifications', { cursor, limit })
export const readNotifications = (upToId: number) =>
  client.act<{ unread: number }>('POST', '/me/notifications/reading', { up_to_id: upToId })

export const decideAuthorization = (authorizationId: string, agreed: boolean, days: number | null) =>
  client.act<Authorization>('POST', `/me/authorizations/${id(authorizationId)}/decision`, { agreed, days })
export const pauseAuthorization = (authorizationId: string) =>
  client.act<Authorization>('POST', `/me/authorizations/${id(authorizationId)}/pause`)
export const resumeAuthorization = (authorizationId: string) =>
  client.act<Authorization>('POST', `/me/authorizations/${id(authorizationId)}/resumption`)
export const reconfirmAuthorization = (authorizationId: string) =>
  client.act<Authorization>('POST', `/me/authorizations/${id(authorizationId)}/reconfirmation`)
export const getAuthorizationRequest = (handle: string) =>
  client.get<AuthorizationRequest>(`/me/authorization-requests/${id(handle)}`)
export const decideAuthorizationRequest = (
  handle: string,
  agreed: { scope: string; days: number }[],
  noticeVersion: string,
) =>
  client.act<{ redirect_to: string }>('POST', `/me/authorization-requests/${id(handle)}/decision`, {
    agreed,
    notice_version: noticeVersion,
  })

export const getLoanReferrals = async (enterprise: ActingFor) =>
  (await client.get<{ items: LoanReferral[] }>('/me/loan-referrals', { enterprise })).items
export const getLoanInstitutions = (enterprise: ActingFor, scheme: string) =>
  client.get<LoanInstitutions>('/me/loan-referrals/institutions', { scheme, enterprise })
export const sendLoanReferral = (
  enterprise: ActingFor,
  scheme: string,
  institution: string,
  days: number,
  noticeVersion: string,
) =>
  client.act<LoanReferral>('POST', '/me/loan-referrals', {
    ...on(enterprise),
    scheme,
    institution,
    days,
    notice_version: noticeVersion,
  })

export const getReceipt = (authorizationId: string) =>
  client.get<Receipt>(`/me/authorizations/${id(authorizationId)}/receipt`)

export const getDataChoices = async () => (await client.get<{ items: DataChoice[] }>('/me/data-choices')).items
export const chooseData = async (category: string, declined: boolean) =>
  (await client.act<{ items: DataChoice[] }>('POST', '/me/data-choices', { category, declined })).items
export const getDeletionRequests = () => client.get<DeletionRequests>('/me/deletion-requests')
export const previewDeletion = ({ scope, category, record_id, ground }: DeletionAsked) =>
  client.get<DeletionPlan>('/me/deletion-requests/preview', { scope, category, record_id, ground })
export const askForDeletion = (body: DeletionAsked & { confirmed: string }) =>
  client.act<DeletionRequest>('POST', '/me/deletion-requests', body)
export const withdrawDeletion = (requestId: string) =>
  client.act<DeletionRequest>('POST', `/me/deletion-requests/${id(requestId)}/withdrawal`)
export const getNotificationSettings = async () =>
  (await client.get<{ items: NotificationSetting[] }>('/me/notifications/settings')).items
export const setNotification = async (kind: string, on: boolean) =>
  (await client.act<{ items: NotificationSetting[] }>('POST', '/me/notifications/settings', { kind, on })).items

export const getLedger = (enterprise: ActingFor, cursor: string | null, whoKind: string | null) =>
  client.get<Page<LedgerEntry>>('/me/ledger', { enterprise, cursor, limit: 30, who_kind: whoKind })
export const complainAbout = (enterprise: ActingFor, entryId: number, grounds: string) =>
  client.act<AccessComplaint>('POST', `/me/ledger/${id(entryId)}/complaints`, { ...on(enterprise), grounds })
export const getUses = (cursor: string | null) => client.get<Page<BenefitUse>>('/me/benefits/uses', { cursor, limit: 20 })
export const getMerchantComplaints = async () =>
  (await client.get<{ items: MerchantComplaint[] }>('/me/benefits/complaints')).items
export const complainAboutMerchant = (checkId: string, what: string) =>
  client.act<MerchantComplaint>('POST', '/me/benefits/complaints', { check_id: checkId, what })
export const withdrawMerchantComplaint = (complaintId: string) =>
  client.act<MerchantComplaint>('POST', `/me/benefits/complaints/${id(complaintId)}/withdrawal`)
export const getAccessComplaints = async (enterprise: ActingFor) =>
  (await client.get<{ items: AccessComplaint[] }>('/me/access-complaints', { enterprise })).items

export const getRepairCandidates = (enterprise: ActingFor, recordId?: string) =>
  client.get<RepairCandidates>('/me/repairs/candidates', { enterprise, record_id: recordId })
export const getRepairs = async (enterprise: ActingFor) =>
  (await client.get<{ items: Repair[] }>('/me/repairs', { enterprise })).items
export const getRepair = (enterprise: ActingFor, repairId: string) =>
  client.get<RepairDetail>(`/me/repairs/${id(repairId)}`, { enterprise })
export const draftRepair = (
  enterprise: ActingFor,
  recordIds: number[],
  explanation: string,
  evidenceIds: string[],
) =>
  client.act<RepairDetail>('POST', '/me/repairs', {
    ...on(enterprise),
    record_ids: recordIds,
    explanation,
    evidence_ids: evidenceIds,
  })
/** Signs the letter that was read and hands the application in. */
export const fileRepair = (enterprise: ActingFor, repairId: string, letterSha256: string, evidenceIds: string[]) =>
  client.act<RepairDetail>('POST', `/me/repairs/${id(repairId)}/filing`, {
    ...on(enterprise),
    letter_sha256: letterSha256,
    agreed: true,
    evidence_ids: evidenceIds,
  })
export const withdrawRepair = (enterprise: ActingFor, repairId: string) =>
  client.act<RepairDetail>('POST', `/me/repairs/${id(repairId)}/withdrawal`, on(enterprise))

export const getSuppliable = (enterprise: ActingFor) =>
  client.get<Suppliable>('/me/supplements/suppliable', { enterprise })
export const getConsentNotice = () => client.get<ActivationNotice>('/me/supplements/consent-notice')
export const getSupplements = async (enterprise: ActingFor) =>
  (await client.get<{ items: Supplement[] }>('/me/supplements', { enterprise })).items
export const fileSupplement = (
  enterprise: ActingFor,
  category: string,
  cells: Record<string, string>,
  evidenceIds: string[],
  consentNoticeVersion: string | null,
) =>
  client.act<Supplement>('POST', '/me/supplements', {
    ...on(enterprise),
    category,
    cells,
    evidence_ids: evidenceIds,
    consent_notice_version: consentNoticeVersion,
  })
export const completeSupplement = (
  enterprise: ActingFor,
  supplementId: string,
  cells: Record<string, string>,
  evidenceIds: string[],
) =>
  client.act<Supplement>('POST', `/me/supplements/${id(supplementId)}/completion`, {
    ...on(enterprise),
    cells,
    evidence_ids: evidenceIds,
  })
export const withdrawSupplement = (enterprise: ActingFor, supplementId: string) =>
  client.act<Supplement>('POST', `/me/supplements/${id(supplementId)}/withdrawal`, on(enterprise))

export const getCommitments = async (enterprise: ActingFor) =>
  (await client.get<{ items: ListedCommitment[] }>('/me/commitments', { enterprise })).items
export const getCommitment = (enterprise: ActingFor, commitmentId: string) =>
  client.get<CommitmentDetail>(`/me/commitments/${id(commitmentId)}`, { enterprise })
export const getCommitmentTypes = async (enterprise: ActingFor) =>
  (await client.get<{ items: CommitmentType[] }>('/me/commitments/types', { enterprise })).items
export const getCommitmentLetter = (enterprise: ActingFor, type: string, matter: string) =>
  client.get<Letter>('/me/commitments/letter', { enterprise, type, matter })
export const signCommitment = (
  enterprise: ActingFor,
  signing: { type: string; matter: string; letter_sha256: string; agreed: true; due_on: string | null },
) => client.act<CommitmentDetail>('POST', '/me/commitments', { ...on(enterprise), ...signing })

/** Left out when the citizen acts for themselves. */
function on(enterprise: ActingFor): { enterprise?: string } {
  return enterprise === null ? {} : { enterprise }
}
export const getReports = () => client.get<Reports>('/me/reports')
export const issueReport = (request: ReportRequest) => client.act<Report>('POST', '/me/reports', request)
/** By what is printed; with the SHA-256 of the file in hand, that is compared as well. */
export const verifyReport = (number: string, code: string, sha256: string | null = null) =>
  client.get<Verification>(`/public/reports/${id(number)}`, { code, sha256 })
/** Enterprises and organisations alone; `text` is a part of the name, or the whole code; empty for the whole list. */
export const getPublishedRedLists = () => client.get<PublishedRedLists>('/public/red-lists')
export const getPublishedRedList = (list: string, text: string, cursor: string | null) =>
  client.get<Page<PublishedEntry>>(`/public/red-lists/${id(list)}`, { q: text, cursor })
/** By a part of the name, or by any code that they have or had. */
export const searchUnits = (text: string, cursor: string | null) =>
  client.get<Page<Unit>>('/public/enterprises', { q: text, cursor })
export const getPublicUnit = (code: string) => client.get<PublicUnit>(`/public/enterprises/${id(code)}`)
export const getPublicCommitments = async (code: string) =>
  (await client.get<{ items: PublicCommitment[] }>(`/public/enterprises/${id(code)}/commitments`)).items
export const getPublicPortrait = (code: string) =>
  client.get<PublicPortrait>(`/public/enterprises/${id(code)}/portrait`)
export const verifyReportFile = (sha256: string) => client.get<Verification>('/public/report-files', { sha256 })
