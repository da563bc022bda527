/** The one way the console talks to the server: signed in, each action with a key, refusals as `Problem`. */
import createClient, { type Middleware } from 'openapi-fetch'

import { endSession, session } from '../session'
import { Problem, problemFrom, unreachable } from './problem'
import type { paths } from '#api-schema'

/** The paths without the key's header: the middleware below sets it, so no call spells it out. */
type Keyless<Operation> = Operation extends { parameters: infer Parameters }
  ? Omit<Operation, 'parameters'> & { parameters: Omit<Parameters, 'header'> }
  : Operation
type Paths = {
  [Path in keyof paths]: {
    [Method in keyof paths[Path]]: Method extends 'post' | 'delete' ? Keyless<paths[Path][Method]> : paths[Path][Method]
  }
}

/**
 * Keys of actions whose answer never arrived, by what was asked. Asking the same again sends the same key, so
 * that the server repeats its first answer instead of acting twice.
 */
const unanswered = new Map<string, string>()

function newKey(): string {
  // Not crypto.randomUUID(): browsers withhold it from pages on an intranet without TLS.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

const fingerprints = new WeakMap<Request, string>()

export const signedIn: Middleware = {
  async onRequest({ request }) {
    if (session.token) request.headers.set('Authorization', `Bearer ${session.token}`)
    if (request.method === 'POST' || request.method === 'DELETE') {
      const fingerprint = `${request.method} ${request.url} ${await request.clone().text()}`
      const key = unanswered.get(fingerprint) ?? newKey()
      unanswered.set(fingerprint, key)
      fingerprints.set(request, fingerprint)
      request.headers.set('Idempotency-Key', key)
    }
    return request
  },
  onResponse({ request, response }) {
    const fingerprint = fingerprints.get(request)
    if (fingerprint && response.status < 500) unanswered.delete(fingerprint)
    if (response.status === 401 && session.token) endSession('expired')
  },
  onError() {
    return unreachable()
  },
}

export const api = createClient<Paths>({
  baseUrl: window.location.origin,
  // Looked up at each call, so that a test can stand in for the network.
  fetch: (request) => globalThis.fetch(request),
})
api.use(signedIn)

interface Answer<T> {
  data?: T
  error?: unknown
  response: Response
}

/** The data of an answer. Throws Problem for everything else. */
export async function answer<T>(call: Promise<Answer<T>>): Promise<T> {
  let outcome: Answer<T>
  try {
    outcome = await call
  } catch (error) {
    // A body that is no JSON although the status says success: the answer was cut short on its way.
    throw error instanceof Problem ? error : unreachable()
  }
  if (!outcome.response.ok) throw problemFrom(outcome.response.status, outcome.error)
  return outcome.data as T
}

/** What an officer states as the reason for looking at a person's data; header values must be ASCII. */
export function accessReason(reason: string): { 'X-Access-Reason': string } {
  return { 'X-Access-Reason': encodeURIComponent(reason) }
}
