/** How the clock of a repair, supplement or commitment is put into words. The server counts the working days. */
import type { Word } from './words'

export interface CaseClock {
  due_on: string | null
  overdue: boolean
  working_days_left: number | null
}

/** A case as it stands in a queue; in a department's, without the name of whom it concerns. */
export interface CaseItem extends CaseClock {
  id: string
  state: string
  subject?: { name: string; identifier: string }
}

export function caseClock({ due_on: due, overdue, working_days_left: left }: CaseClock): Word | undefined {
  if (due === null) return undefined
  if (overdue) return { text: left === null || left >= 0 ? '已逾期' : `已逾期 ${-left} 个工作日`, tone: 'attention' }
  if (left === null) return undefined
  if (left === 0) return { text: '今天到期', tone: 'attention' }
  return { text: `剩 ${left} 个工作日`, tone: left === 1 ? 'busy' : 'calm' }
}
