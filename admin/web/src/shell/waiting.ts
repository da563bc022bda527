/** How much waits for an officer: the figures beside the menu. */
import { reactive } from 'vue'

import { answer, api } from '../api/client'
import type { Overview } from '../api/types'
import { may } from '../session'

export const waiting = reactive({ quarantined: 0, objections: 0, overdue: 0 })

export function noteWaiting(overview: Overview): void {
  waiting.quarantined = overview.quarantined_open
  waiting.objections = overview.objections_open
  waiting.overdue = overview.objections_overdue
}

/** Figures beside a menu are a help only: when they cannot be had, the last ones stay. */
export async function refreshWaiting(): Promise<void> {
  if (may('department_officer')) return
  try {
    noteWaiting(await answer(api.GET('/api/v1/admin/overview')))
  } catch {
    // The page being looked at says what is wrong.
  }
}
