import type { components } from '#api-schema'

import type { Word } from '../common/words'

export type SchemeVersion = components['schemas']['SchemeVersion']
export type SchemeInFull = components['schemas']['SchemeInFull']

/** A table of conditions in plain words, as the server writes it. */
export type PlainWords = { need: string; reason: string } | { all: PlainWords[] } | { any: PlainWords[] } | { not: PlainWords[] }

export const SETTLEMENTS: Record<string, string> = {
  none: '不结算，由提供方承担',
  per_use: '每次按固定金额结算',
  discount: '按折扣让利的金额结算',
  amount: '按减免的金额结算',
}

/** Whether a version waits, counts today, will count later, or has been replaced. */
export function stateOf(
  scheme: Pick<SchemeVersion, 'state' | 'in_force' | 'effective_from'>,
  today: string = new Date().toLocaleDateString('sv-SE', { timeZone: 'Asia/Shanghai' }),
): Word {
  if (scheme.state === 'draft') return { text: '草稿', tone: 'quiet' }
  if (scheme.state === 'simulated') return { text: '已测算', tone: 'calm' }
  if (scheme.state === 'submitted') return { text: '待复核', tone: 'busy' }
  if (scheme.in_force) return { text: '生效中', tone: 'good' }
  if (scheme.effective_from > today) return { text: '已批准，待生效', tone: 'calm' }
  return { text: '已被取代或到期', tone: 'quiet' }
}
