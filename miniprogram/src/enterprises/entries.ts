/** What the public page of an enterprise says of each entry, whatever list it stands in. Days come from the server. */
import type {
  NamedUnit,
  PublicCommitment,
  PublicListEntry,
  PublicPortrait,
  PublishedRecord,
  StatutoryEntry,
  UnitHistoryEvent,
} from '../api/types'
import { longDate } from '../formatting/dates'
import { caseTone, type Label } from '../formatting/words'

export interface Entry {
  title: string
  tag: Label | null
  lines: string[]
  measures: string[]
  disputed: boolean
  statements: string[]
}

const level = (name: string | null): Label | null => (name === null ? null : { text: name, tone: 'quiet' })

export function licenceEntry(record: PublishedRecord): Entry {
  return recordEntry(record, (day) => `有效期至${day}`)
}

export function penaltyEntry(record: PublishedRecord): Entry {
  return recordEntry(record, (day) => `${day}终止`)
}

function recordEntry(record: PublishedRecord, ended: (day: string) => string): Entry {
  const days = [`${longDate(record.event_on)}作出`]
  if (record.ended_on !== null) days.push(ended(longDate(record.ended_on)))
  if (record.public_until !== null) days.push(`公示到${longDate(record.public_until)}`)
  return {
    title: record.title,
    tag: level(record.level_name),
    lines: [record.source_department, days.join('，'), `公示依据：${record.legal_basis}`],
    measures: [],
    disputed: record.disputed,
    statements: record.statements,
  }
}

export function commitmentEntry(commitment: PublicCommitment): Entry {
  const days = [`${longDate(commitment.signed_on)}作出`]
  if (commitment.due_on !== null) days.push(`${longDate(commitment.due_on)}前履行`)
  if (commitment.public_until !== null) days.push(`公示到${longDate(commitment.public_until)}`)
  return {
    title: commitment.matter,
    tag: { text: commitment.state_name, tone: caseTone(commitment.state) },
    lines: [`${commitment.type_name} · ${commitment.accepted_by}`, days.join('，')],
    measures: [],
    disputed: commitment.disputed,
    statements: commitment.statements,
  }
}

export function listEntry(entry: PublicListEntry & Partial<Pick<StatutoryEntry, 'measures'>>): Entry {
  const until = entry.until === null ? '' : `，公示到${longDate(entry.until)}`
  return {
    title: entry.list_name,
    tag: level(entry.level_name),
    lines: [
      `${entry.title} · ${entry.source_department}`,
      `${longDate(entry.listed_on)}列入${until}`,
      `列入依据：${entry.basis}`,
    ],
    measures: (entry.measures ?? []).map(({ text, basis }) => `${text}（${basis}）`),
    disputed: entry.disputed,
    statements: entry.statements,
  }
}

/** "2026年3月4日更名：丹桂食品有限公司 → 金桂食品有限公司". Where the register names no day, without one. */
export function historySentence({ on, event_name: what, before, after, other }: UnitHistoryEvent): string {
  const change = before !== null && after !== null ? `：${before} → ${after}` : ''
  const about = other === null ? '' : `：${other.name}`
  return `${on === null ? '' : longDate(on)}${what}${change}${about}`
}

export interface Neighbour extends NamedUnit {
  /** What it is to the unit whose page this is, or what that one is to it. */
  role: string
}

/** Those directly related. The portrait also knows those behind them. */
export function neighbours(code: string, { units, relations }: PublicPortrait): Neighbour[] {
  const named = new Map(units.map((unit) => [unit.code, unit]))
  return relations.flatMap(({ enterprise, principal, role_name: role }) => {
    if (enterprise !== code && principal !== code) return []
    const unit = named.get(enterprise === code ? principal : enterprise)
    return unit === undefined ? [] : [{ ...unit, role: enterprise === code ? role : `本单位是其${role}` }]
  })
}
