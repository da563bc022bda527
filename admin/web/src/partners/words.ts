import type { Word } from '../common/words'

export const KINDS: Record<string, string> = { merchant: '商户', institution: '机构', department: '部门' }

export const PARTNER_STATES: Record<string, Word> = {
  active: { text: '正常', tone: 'good' },
  suspended: { text: '已停用', tone: 'attention' },
}

export const PARTNER_EVENTS: Record<string, string> = { suspend: '停用', reinstate: '恢复' }

const EVENT_CAUSES: Record<string, string> = { contract_ended: '合同期满，系统自动', contract_renewed: '合同续签，系统自动' }

/** Why a partner was suspended or reinstated: its contract, or else the officer who decided. */
export const eventCause = (one: { cause: string; actor: string }): string => EVENT_CAUSES[one.cause] ?? one.actor

export const PROPOSAL_STATES: Record<string, Word> = {
  proposed: { text: '待复核', tone: 'attention' },
  approved: { text: '已通过', tone: 'good' },
  returned: { text: '已退回', tone: 'quiet' },
  withdrawn: { text: '已撤回', tone: 'quiet' },
}

export const DELIVERY_STATES: Record<string, Word> = {
  waiting: { text: '待送达', tone: 'quiet' },
  delivered: { text: '已送达', tone: 'good' },
  failed: { text: '未送达', tone: 'attention' },
}

export const COMPLAINT_STATES: Record<string, Word> = {
  filed: { text: '待核实', tone: 'attention' },
  taken_up: { text: '核实中', tone: 'quiet' },
  upheld: { text: '投诉成立', tone: 'attention' },
  rejected: { text: '投诉不成立', tone: 'quiet' },
  withdrawn: { text: '已撤回', tone: 'quiet' },
}
