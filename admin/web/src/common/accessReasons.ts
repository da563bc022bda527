/** Why this officer looks at a case: asked once per case, remembered until they sign out. */

const KEY = 'osmanthus-console-access-reasons'

export const SHORTEST_REASON = 4
export const LONGEST_REASON = 100

function all(): Record<string, string> {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? '{}') as Record<string, string>
  } catch {
    return {}
  }
}

export function statedReason(caseKey: string): string | undefined {
  return all()[caseKey]
}

export function rememberReason(caseKey: string, reason: string): void {
  sessionStorage.setItem(KEY, JSON.stringify({ ...all(), [caseKey]: reason }))
}

/** The sentence to show, or nothing when the reason will do. */
export function complaintAbout(reason: string): string | undefined {
  const length = reason.trim().length
  if (length < SHORTEST_REASON) return `请至少写 ${SHORTEST_REASON} 个字，说明为何需要查看`
  if (length > LONGEST_REASON) return `请控制在 ${LONGEST_REASON} 个字以内`
  return undefined
}
