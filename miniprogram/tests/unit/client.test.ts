import { beforeEach, describe, expect, it } from 'vitest'

import { type Answer, type Client, createClient } from '../../src/api/client'
import { newIdempotencyKey } from '../../src/api/idempotency'
import { asProblem } from '../../src/api/problem'

const OK: Answer = { status: 200, body: { fine: true }, serverTime: null }
const LOST = 'lost' as const

let sent: { method: string; path: string; headers: Record<string, string> }[]
let waited: number[]
let signedOut: number

/** A client whose requests get these answers, one after another. */
function clientGiven(...answers: (Answer | typeof LOST)[]): Client {
  return createClient({
    transport: async ({ method, path, headers }) => {
      sent.push({ method, path, headers })
      const answer = answers.shift()
      if (answer === undefined || answer === LOST) throw new Error('request:fail')
      return answer
    },
    upload: async ({ path, headers, file }) => {
      sent.push({ method: `FILE ${file.path}`, path, headers })
      const answer = answers.shift()
      if (answer === undefined || answer === LOST) throw new Error('uploadFile:fail')
      return answer
    },
    token: () => 'token-1',
    onSignedOut: () => {
      signedOut += 1
    },
    wait: async (milliseconds) => {
      waited.push(milliseconds)
    },
  })
}

beforeEach(() => {
  sent = []
  waited = []
  signedOut = 0
})

describe('a request that acts', () => {
  it('carries the same key on every retry', async () => {
    const client = clientGiven(LOST, { status: 503, body: null, serverTime: null }, OK)

    await expect(client.act('POST', '/me/objections', {})).resolves.toEqual({ fine: true })

    const keys = sent.map(({ headers }) => headers['Idempotency-Key'])
    expect(keys).toHaveLength(3)
    expect(new Set(keys).size).toBe(1)
    expect(waited).toEqual([500, 1500])
  })

  it('carries another key the next time', async () => {
    const client = clientGiven(OK, OK)
    await client.act('POST', '/me/codes', {})
    await client.act('POST', '/me/codes', {})
    expect(sent[0]!.headers['Idempotency-Key']).not.toBe(sent[1]!.headers['Idempotency-Key'])
  })

  it('is not sent again when the server refused it', async () => {
    const refusal = { status: 409, body: { code: 'already_under_objection', detail: '这条记录正在核实。' }, serverTime: null }
    const error = await clientGiven(refusal).act('POST', '/me/objections', {}).catch(asProblem)
    expect(error).toMatchObject({ code: 'already_under_objection', status: 409, detail: '这条记录正在核实。' })
    expect(sent).toHaveLength(1)
  })
})

describe('a file', () => {
  it('is sent once, signed in and under a key of its own', async () => {
    const client = clientGiven(OK)
    await expect(client.upload('/me/evidence', { path: 'tmp/photo.jpg', name: '照片' })).resolves.toEqual({ fine: true })
    expect(sent[0]).toMatchObject({ method: 'FILE tmp/photo.jpg', path: '/me/evidence' })
    expect(sent[0]!.headers).toMatchObject({ Authorization: 'Bearer token-1' })
    expect(sent[0]!.headers['Idempotency-Key']).toBeTruthy()
  })

  it('that was lost on the way is the person’s to send again', async () => {
    const error = await clientGiven(LOST, OK).upload('/me/evidence', { path: 'tmp/photo.jpg', name: '照片' }).catch(asProblem)
    expect(error).toMatchObject({ code: 'network' })
    expect(sent).toHaveLength(1)
  })

  it('that was refused says why', async () => {
    const refusal = { status: 422, body: { code: 'evidence_too_large', detail: '单个文件不能超过 10 MB。' }, serverTime: null }
    const error = await clientGiven(refusal).upload('/me/evidence', { path: 'tmp/photo.jpg', name: '照片' }).catch(asProblem)
    expect(error).toMatchObject({ code: 'evidence_too_large', detail: '单个文件不能超过 10 MB。' })
  })
})

describe('any request', () => {
  it('gives up after three lost connections and says so', async () => {
    const error = await clientGiven(LOST, LOST, LOST).get('/me').catch(asProblem)
    expect(error).toMatchObject({ code: 'network', status: 0 })
    expect(sent).toHaveLength(3)
  })

  it('turns an answer without problem details into a sentence all the same', async () => {
    const error = await clientGiven({ status: 500, body: '<html>', serverTime: null }).get('/me').catch(asProblem)
    expect(error).toMatchObject({ code: 'http_500', detail: '服务出了点问题，请稍后再试。' })
  })

  it('ends the session when the server no longer knows it', async () => {
    await clientGiven({ status: 401, body: null, serverTime: null }).get('/me').catch(asProblem)
    expect(signedOut).toBe(1)
  })

  it('leaves empty filters out of the address and escapes the rest', async () => {
    await clientGiven(OK).get('/me/records', { state: '', cursor: null, category: 'a&b', limit: 20 })
    expect(sent[0]!.path).toBe('/me/records?category=a%26b&limit=20')
  })

  it('sets the client’s clock by the server’s', async () => {
    const client = clientGiven({ ...OK, serverTime: Date.now() + 3_600_000 })
    await client.get('/me')
    expect(client.now() - Date.now()).toBeGreaterThan(3_590_000)
  })
})

it('draws keys as version 4 UUIDs', () => {
  expect(newIdempotencyKey()).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
})
