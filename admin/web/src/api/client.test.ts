import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { beginSession, endSession, onSessionEnd, session } from '../session'
import { accessReason, answer, api } from './client'
import { Problem } from './problem'

const OFFICER = { name: '周核', roles: ['score_officer'], city_name: '桂城市' }
const sent: Request[] = []

/** Stands in for the network: each call takes the next of these answers; an Error is a lost connection. */
function network(...answers: (Response | Error)[]): void {
  vi.stubGlobal('fetch', (request: Request) => {
    sent.push(request)
    const next = answers.shift()
    return next instanceof Response ? Promise.resolve(next) : Promise.reject(next ?? new Error('no answer left'))
  })
}

function json(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } })
}

function startRun() {
  return answer(api.POST('/api/v1/admin/runs', { body: { subject_kind: 'person' } }))
}

async function problemOf(call: Promise<unknown>): Promise<Problem> {
  return (await call.catch((error: unknown) => error)) as Problem
}

beforeEach(() => {
  sent.length = 0
  beginSession('token-1', OFFICER, new Date(Date.now() + 60_000).toISOString())
})
afterEach(() => {
  endSession('signed_out')
  vi.unstubAllGlobals()
})

test('every request carries the token of who is signed in', async () => {
  network(json(200, {}))
  await answer(api.GET('/api/v1/admin/overview'))
  expect(sent[0]?.headers.get('Authorization')).toBe('Bearer token-1')
})

test('an action whose answer was lost is repeated under the same key, so it cannot happen twice', async () => {
  network(new TypeError('network'), json(202, {}))
  expect((await problemOf(startRun())).code).toBe('unreachable')
  await startRun()
  expect(sent[1]?.headers.get('Idempotency-Key')).toBe(sent[0]?.headers.get('Idempotency-Key'))
})

test('doing the same again after an answer is a new action with a new key', async () => {
  network(json(202, {}), json(202, {}))
  await startRun()
  await startRun()
  expect(sent[1]?.headers.get('Idempotency-Key')).not.toBe(sent[0]?.headers.get('Idempotency-Key'))
})

test('a refusal arrives as a problem with the sentence that the server wrote', async () => {
  network(json(409, { code: 'run_in_progress', detail: '已有一次评分运行正在进行。' }))
  const problem = await problemOf(startRun())
  expect([problem.status, problem.code, problem.detail]).toEqual([409, 'run_in_progress', '已有一次评分运行正在进行。'])
})

test('the error page of a proxy becomes a sentence that an officer can act on', async () => {
  network(new Response('<html>Bad Gateway</html>', { status: 502 }))
  expect((await problemOf(startRun())).detail).toContain('请稍后重试')
})

test('what is wrong with a field is found under its name', async () => {
  network(json(422, { code: 'validation_failed', detail: '有误', errors: { json: { reply: ['太短', '不完整'] } } }))
  expect((await problemOf(startRun())).errors).toEqual({ reply: '太短；不完整' })
})

test('a token that the server no longer accepts ends the session', async () => {
  let because = ''
  onSessionEnd((reason) => (because = reason))
  network(json(401, { code: 'unauthenticated', detail: '请重新登录' }))
  await problemOf(startRun())
  expect([session.token, because]).toEqual([null, 'expired'])
})

test('a reason in Chinese travels as ASCII and comes back whole', () => {
  const header = accessReason('办理本件异议')['X-Access-Reason']
  expect(header).toMatch(/^[\x20-\x7e]+$/)
  expect(decodeURIComponent(header)).toBe('办理本件异议')
})
