/** Short names for the shapes that the server answers with; the shapes themselves come from its OpenAPI document. */
import type { components } from '#api-schema'

type Schemas = components['schemas']

export type Overview = Schemas['OverviewResponse']
export type PublishedRun = Schemas['PublishedRunResponse']
export type GradeShare = Schemas['GradeShare']
export type ScoreRun = Schemas['ScoreRunResponse']
export type Delivery = Schemas['DeliveryResponse']
export type QuarantinedRow = Schemas['QuarantinedRowResponse']
export type RowReason = Schemas['RowReason']
export type ReasonCount = Schemas['ReasonCountResponse']
export type ObjectionCase = Schemas['ObjectionCase']
export type ObjectionCaseInFull = Schemas['ObjectionCaseInFull']
export type SubjectKind = ScoreRun['subject_kind']
export type AccessAlert = Schemas['AccessAlertResponse']
export type AccessComplaint = Schemas['AccessComplaintCase']
export type AuditedEntry = Schemas['AuditedEntry']
export type ReadingDay = Schemas['ReadingDay']
