/** How a statutory clock is put into words. Working days are counted by the server, which knows the holidays. */
import type { ObjectionCase } from '../api/types'
import { caseClock } from '../common/caseClock'
import type { Word } from '../common/words'

type Clock = Pick<ObjectionCase, 'state' | 'answer_due_on' | 'overdue' | 'working_days_left'>

export function isOpen(state: ObjectionCase['state']): boolean {
  return state === 'filed' || state === 'forwarded' || state === 'disclaimed' || state === 'replied'
}

export function clockWord(clock: Clock): Word | undefined {
  return isOpen(clock.state) ? caseClock({ ...clock, due_on: clock.answer_due_on }) : undefined
}
