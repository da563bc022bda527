/** How much waits for an officer: the figures beside the menu. */
import { reactive } from 'vue'

import { answer, api } from '../api/client'
import type { Overview } from '../api/types'
import { may } from '../session'

/** `late` is how many of them have missed their day. */
export interface Waiting {
  open: number
  late: number
}

const nothing = (): Waiting => ({ open: 0, late: 0 })

/** By the name of the page on which it is dealt with. */
export const waiting = reactive({
  quarantine: nothing(),
  objections: nothing(),
  repairs: nothing(),
  supplements: nothing(),
  'deletion-requests': nothing(),
  commitments: nothing(),
  'department-inbox': nothing(),
  'department-repairs': nothing(),
  'department-supplements': nothing(),
  'department-rows': nothing(),
  'department-quality': nothing(),
})

export function waitingIn(overview: Overview) {
  return {
    quarantine: { open: overview.quarantined_open, late: 0 },
    objections: { open: overview.objections_open, late: overview.objections_overdue },
    repairs: { open: overview.repairs_open, late: overview.repairs_overdue },
    supplements: { open: overview.supplements_open, late: overview.supplements_overdue },
    'deletion-requests': { open: overview.deletion_requests_open, late: overview.deletion_requests_overdue },
    commitments: { open: overview.commitments_due, late: 0 },
  } satisfies Partial<typeof waiting>
}

export function noteWaiting(overview: Overview): void {
  Object.assign(waiting, waitingIn(overview))
}

/** Figures beside a menu are a help only: when they cannot be had, the last ones stay. */
export async function refreshWaiting(): Promise<void> {
  try {
    if (may('department_officer')) {
      const { objections, repairs, supplements, rows, warnings } = await answer(api.GET('/api/v1/admin/department/waiting'))
      waiting['department-inbox'] = { open: objections.open, late: objections.overdue }
      waiting['department-repairs'] = { open: repairs.open, late: repairs.overdue }
      waiting['department-rows'] = { open: rows, late: 0 }
      waiting['department-quality'] = { open: warnings, late: 0 }
      waiting['department-supplements'] = { open: supplements.open, late: supplements.overdue }
    } else {
      noteWaiting(await answer(api.GET('/api/v1/admin/overview')))
    }
  } catch {
    // The page being looked at says what is wrong.
  }
}
