/** What each outcome does, in the words an officer reads before deciding. */
import type { ObjectionCase } from '../api/types'

export type Outcome = 'upheld' | 'partly_upheld' | 'rejected' | 'redirected'

const ELSEWHERE = '不归本平台处理，移送有权的机构；记录恢复原状，当事人可附上本人说明。'

const ON_RECORDS: Record<Outcome, string> = {
  upheld: '记录撤销或更正，得分随即重算，当事人立即可见；此前获知错误信息的单位会收到通知。',
  partly_upheld: '记录按更正后的内容恢复，得分随即重算；此前获知错误信息的单位会收到通知。',
  rejected: '记录恢复有效，重新计分；当事人可以看到理由，并可附上本人说明。',
  redirected: ELSEWHERE,
}

const ON_SCORES: Partial<Record<Outcome, string>> = {
  upheld: '发现差错：以重新计算的得分替换原分，此前获知原分所得结论的单位会收到通知。',
  rejected: '经重新计算，原分无误，维持原分；当事人可以看到理由。',
  redirected: ELSEWHERE,
}

const ON_BENEFITS: Partial<Record<Outcome, string>> = {
  upheld: '人工准予享受：在期限内核验时视为符合；次数和额度限制不变，记入当事人的台账。',
  rejected: '维持自动决定：当事人可以看到理由。',
  redirected: ELSEWHERE,
}

export function consequences(kind: ObjectionCase['kind']): Partial<Record<Outcome, string>> {
  if (kind === 'score') return ON_SCORES
  return kind === 'benefit' ? ON_BENEFITS : ON_RECORDS
}
