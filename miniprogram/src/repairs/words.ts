import type { RepairCandidate } from '../api/types'
import { longDate } from '../formatting/dates'

/** One sentence on where a record stands: "can be repaired from DATE, needs …". */
export function candidateSentence(candidate: RepairCandidate): string {
  if (candidate.repair_id !== null) return '修复申请正在办理'
  const blocked = candidate.conditions.find(({ code, met }) => !met && ['counts', 'adverse', 'repairable'].includes(code))
  if (blocked) return blocked.sentence
  const missing = candidate.conditions
    .filter(({ code, met, met_from: from }) => !met && code !== 'shortest_period' && from === null)
    .map(({ name }) => name)
  const needs = missing.length > 0 ? `，还需要：${missing.join('、')}` : ''
  return candidate.repairable_from === null
    ? `现在可以申请修复${needs}`
    : `${longDate(candidate.repairable_from)}起可以申请修复${needs}`
}
