import type { CityDate, Objection } from '../api/types'
import { cityDate, daysBetween, longDate } from '../formatting/dates'

const OPEN_STATES = new Set(['filed', 'forwarded'])

export const isOpen = (objection: Pick<Objection, 'state'>): boolean => OPEN_STATES.has(objection.state)

/** Whoever was not, or not wholly, found right may have their own words stand beside the record. */
export const mayAttachStatement = (objection: Pick<Objection, 'state'>): boolean =>
  objection.state === 'rejected' || objection.state === 'partly_upheld'

/** Where the clock stands, for the citizen: the last day for an answer, or the day it ended. */
export function clockSentence(
  objection: Pick<Objection, 'state' | 'answer_due_on' | 'decided_at'>,
  today: CityDate,
): string {
  if (objection.state === 'withdrawn') return '您已撤回，记录恢复原来的状态'
  if (!isOpen(objection)) {
    return objection.decided_at === null ? '已办结' : `${longDate(cityDate(objection.decided_at))}办结`
  }
  const days = daysBetween(today, objection.answer_due_on)
  const due = longDate(objection.answer_due_on)
  if (days < 0) return `应在${due}前答复，已超过 ${-days} 天，我们正在督办`
  if (days === 0) return '今天之内答复'
  return `最迟${due}答复，还有 ${days} 天`
}

export interface Step {
  name: string
  done: boolean
}

/** The way of an objection, what is behind it marked done. */
export function steps(objection: Pick<Objection, 'state'>): Step[] {
  const received = { name: '已受理，记录已标注', done: true }
  if (objection.state === 'withdrawn') return [received, { name: '您已撤回', done: true }]
  const answered = !isOpen(objection)
  return [
    received,
    { name: '核查', done: answered || objection.state === 'forwarded' },
    { name: '书面答复', done: answered },
  ]
}
