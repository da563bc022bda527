/** Who is signed in. Kept for this browser tab only, so that closing it signs out of this screen. */
import { reactive } from 'vue'

export interface Officer {
  name: string
  roles: string[]
  city_name: string
}

export type Role = 'score_officer' | 'reviewer' | 'objection_officer' | 'data_officer' | 'auditor' | 'window_officer' | 'department_officer'

/** Where an officer starts: a department's officer has an inbox and nothing else. */
export function homePage(): 'overview' | 'department-inbox' {
  return may('department_officer') ? 'department-inbox' : 'overview'
}

export type EndedBecause = 'expired' | 'signed_out'

interface Session {
  token: string | null
  officer: Officer | null
  expiresAt: string | null
}

const KEY = 'osmanthus-console-session'
const NOBODY: Session = { token: null, officer: null, expiresAt: null }

function remembered(): Session {
  try {
    const stored = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Session | null
    if (stored?.token && stored.expiresAt && Date.parse(stored.expiresAt) > Date.now()) return stored
  } catch {
    // Not ours, or damaged: the officer signs in again.
  }
  return { ...NOBODY }
}

export const session = reactive<Session>(remembered())

/** Whether the officer holds one of the roles. The server decides; this only spares buttons that would be refused. */
export function may(...roles: readonly Role[]): boolean {
  return roles.some((role) => session.officer?.roles.includes(role))
}

let whenEnded: (because: EndedBecause) => void = () => {}
let timer: ReturnType<typeof setTimeout> | undefined

/** Tells the router where to go when a session ends, whatever ended it. */
export function onSessionEnd(listener: (because: EndedBecause) => void): void {
  whenEnded = listener
  watchExpiry()
}

export function beginSession(token: string, officer: Officer, expiresAt: string): void {
  Object.assign(session, { token, officer, expiresAt })
  sessionStorage.setItem(KEY, JSON.stringify(session))
  watchExpiry()
}

export function endSession(because: EndedBecause): void {
  clearTimeout(timer)
  Object.assign(session, NOBODY)
  // Also the reasons stated for looking at cases: the next officer at this screen states their own.
  sessionStorage.clear()
  whenEnded(because)
}

function watchExpiry(): void {
  clearTimeout(timer)
  if (session.expiresAt) timer = setTimeout(() => endSession('expired'), Date.parse(session.expiresAt) - Date.now())
}
