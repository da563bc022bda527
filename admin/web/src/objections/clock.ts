/** How a statutory clock is put into words. Working days are counted by the server, which knows the holidays. */
import type { ObjectionCase } from '../api/types'
import type { Word } from '../common/words'

type Clock = Pick<ObjectionCase, 'state' | 'overdue' | 'working_days_left'>

export function isOpen(state: ObjectionCase['state']): boolean {
  return state === 'filed' || state === 'forwarded' || state === 'disclaimed' || state === 'replied'
}

export function clockWord({ state, overdue, working_days_left: left }: Clock): Word | undefined {
  if (!isOpen(state)) return undefined
  if (overdue) {
    // Past a due date but no working day since (a holiday began): late all the same, by no whole day.
    return { text: left === null || left >= 0 ? '已逾期' : `已逾期 ${-left} 个工作日`, tone: 'attention' }
  }
  if (left === null) return undefined
  if (left === 0) return { text: '今天到期', tone: 'attention' }
  return { text: `剩 ${left} 个工作日`, tone: left === 1 ? 'busy' : 'calm' }
}
