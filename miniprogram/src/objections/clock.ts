import type { CityDate, Objection } from '../api/types'
import { cityDate, daysBetween, longDate } from '../formatting/dates'

const OPEN_STATES = new Set(['filed', 'forwarded', 'disclaimed', 'replied'])

export const isOpen = (objection: Pick<Objection, 'state'>): boolean => OPEN_STATES.has(objection.state)

/** Whoever was not, or not wholly, found right may have their own words stand beside the record. */
export const mayAttachStatement = (objection: Pick<Objection, 'state' | 'record_id'>): boolean =>
  objection.record_id !== null && ['rejected', 'partly_upheld', 'redirected'].includes(objection.state)

/** Where the clock stands, for the citizen: the last day for an answer, or the day it ended. */
export function clockSentence(
  objection: Pick<Objection, 'state' | 'answer_due_on' | 'decided_at'>,
  today: CityDate,
): string {
  if (objection.state === 'withdrawn') return '您已撤回'
  if (!isOpen(objection)) {
    return objection.decided_at === null ? '已办结' : `${longDate(cityDate(objection.decided_at))}办结`
  }
  const days = daysBetween(today, objection.answer_due_on)
  const due = longDate(objection.answer_due_on)
  if (days < 0) return `应在${due}前答复，已超过 ${-days} 天，我们正在督办`
  if (days === 0) return '今天之内答复'
  return `最迟${due}答复，还有 ${days} 天`
}

/** What is still to come, after the steps that were taken. */
export function stepsAhead(objection: Pick<Objection, 'state' | 'kind'>): string[] {
  if (!isOpen(objection)) return []
  const checked = objection.state === 'replied' || objection.state === 'forwarded'
  const checking = objection.kind === 'score' || objection.kind === 'benefit' ? '人工复核' : '核查'
  return checked ? ['书面答复'] : [checking, '书面答复']
}
