import { newIdempotencyKey } from './idempotency'
import { NO_ANSWER, readProblem } from './problem'

export type Method = 'GET' | 'POST' | 'DELETE'

export interface Answer {
  status: number
  body: unknown
  /** The server's clock when it answered, in milliseconds; null when the platform hides the header. */
  serverTime: number | null
}

/** One HTTP exchange. Rejects only when no answer came at all. */
export type Transport = (request: {
  method: Method
  path: string
  headers: Record<string, string>
  body: unknown
}) => Promise<Answer>

/** One file as `multipart/form-data` in the field `file`. Rejects only when no answer came at all. */
export type Upload = (request: { path: string; headers: Record<string, string>; file: ChosenFile }) => Promise<Answer>

/** A file on this phone: where it lies, what it is called, and in a browser the file itself. */
export interface ChosenFile {
  path: string
  name: string
  file?: File
}

export interface ClientOptions {
  transport: Transport
  upload: Upload
  token: () => string | null
  /** Called when the server no longer knows the session. */
  onSignedOut: () => void
  wait: (milliseconds: number) => Promise<void>
}

/** Pauses before a request is sent again after a lost connection or a server between two versions. */
const RETRY_AFTER_MS = [500, 1500]
const WORTH_ANOTHER_TRY = new Set([502, 503, 504])

export interface Client {
  get<T>(path: string, query?: Record<string, string | number | null | undefined>): Promise<T>
  /** A POST or DELETE that acts: carries one Idempotency-Key, the same again on every retry. */
  act<T>(method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<T>
  /** Hands in a file. Never sent again by itself: a photo on a weak connection is the person's to repeat. */
  upload<T>(path: string, file: ChosenFile): Promise<T>
  /** The server's clock now, in milliseconds: a phone whose own clock is wrong still counts down rightly. */
  now(): number
}

export function createClient({ transport, upload, token, onSignedOut, wait }: ClientOptions): Client {
  let clockOffset = 0

  async function sendFile<T>(path: string, file: ChosenFile): Promise<T> {
    const bearer = token()
    const headers: Record<string, string> = {
      Accept: 'application/json',
      'Idempotency-Key': newIdempotencyKey(),
      ...(bearer === null ? {} : { Authorization: `Bearer ${bearer}` }),
    }
    let answer: Answer
    try {
      answer = await upload({ path, headers, file })
    } catch {
      throw NO_ANSWER
    }
    if (answer.status >= 200 && answer.status < 300) return answer.body as T
    if (answer.status === 401 && bearer !== null) onSignedOut()
    throw readProblem(answer.status, answer.body)
  }

  async function send<T>(method: Method, path: string, body: unknown, extra: Record<string, string>): Promise<T> {
    const bearer = token()
    const headers: Record<string, string> = {
      Accept: 'application/json',
      ...(bearer === null ? {} : { Authorization: `Bearer ${bearer}` }),
      ...extra,
    }
    for (let attempt = 0; ; attempt += 1) {
      const pause = RETRY_AFTER_MS[attempt]
      let answer: Answer
      try {
        answer = await transport({ method, path, headers, body })
      } catch {
        if (pause === undefined) throw NO_ANSWER
        await wait(pause)
        continue
      }
      if (answer.serverTime !== null) clockOffset = answer.serverTime - Date.now()
      if (answer.status >= 200 && answer.status < 300) return answer.body as T
      if (WORTH_ANOTHER_TRY.has(answer.status) && pause !== undefined) {
        await wait(pause)
        continue
      }
      if (answer.status === 401 && bearer !== null) onSignedOut()
      throw readProblem(answer.status, answer.body)
    }
  }

  return {
    get: (path, query = {}) => send('GET', path + queryString(query), undefined, {}),
    upload: sendFile,
    act: (method, path, body) => send(method, path, body, { 'Idempotency-Key': newIdempotencyKey() }),
    now: () => Date.now() + clockOffset,
  }
}

function queryString(query: Record<string, string | number | null | undefined>): string {
  const pairs = Object.entries(query)
    .filter(([, value]) => value !== null && value !== undefined && value !== '')
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`)
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}
