/** What the department that found a breach may decide: in its own console, or through the office that enters it. */
import type { Choice } from '../common/CaseAction.vue'

export function repairDecisions(decide: (outcome: 'approved' | 'refused', reply: string) => Promise<void>): Choice[] {
  return [
    {
      label: '同意修复',
      consequence: '记录立即停止公示、共享和使用，得分随即重算，申请人和查询过的单位会收到通知。',
      done: '修复已完成',
      primary: true,
      act: (reply) => decide('approved', reply),
    },
    {
      label: '不予修复',
      consequence: '记录保持原样；申请人会看到理由，补足条件后可以再次申请。',
      done: '已告知申请人',
      act: (reply) => decide('refused', reply),
    },
  ]
}
