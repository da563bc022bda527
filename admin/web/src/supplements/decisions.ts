/** What may come of a supplement: by its department in its own console, or through the office that enters it. */
import type { Choice } from '../common/CaseAction.vue'

export function supplementDecisions(
  decide: (outcome: 'verified' | 'refused' | 'returned', reply: string) => Promise<void>,
): Choice[] {
  return [
    {
      label: '核验通过',
      consequence: '成为申报人的一条信用记录，来源注明由核验单位核验，得分随即重算。',
      done: '已入库',
      primary: true,
      textOptional: true,
      act: (reply) => decide('verified', reply),
    },
    {
      label: '退回补正',
      consequence: '申报人补正后重新提交，期限重新计算。',
      done: '已退回补正',
      act: (reply) => decide('returned', reply),
    },
    {
      label: '核验不通过',
      consequence: '不成为信用记录，申报人会看到理由。',
      done: '已告知申报人',
      act: (reply) => decide('refused', reply),
    },
  ]
}
