/** The words of alerts and complaints, and the tone in which each state is shown. */
import type { AccessAlert, AccessComplaint } from '../api/types'
import type { Word } from '../common/words'

export const ALERT_STATES: Record<AccessAlert['state'], Word> = {
  open: { text: '待本人说明', tone: 'calm' },
  explained: { text: '待审计', tone: 'busy' },
  accepted: { text: '说明可接受', tone: 'good' },
  escalated: { text: '已移送处理', tone: 'attention' },
}

export const COMPLAINT_STATES: Record<AccessComplaint['state'], Word> = {
  filed: { text: '待答复', tone: 'busy' },
  answered: { text: '已答复', tone: 'good' },
  withdrawn: { text: '本人已撤回', tone: 'quiet' },
}

export const SUGGESTED_REASONS = ['定期审计', '核查访问预警', '核查市民投诉'] as const
