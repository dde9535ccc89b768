import { describe, expect, test } from 'vitest'
import { takeFirstLook } from './first-look.ts'

type Answer = readonly [status: number, body: unknown]

/** A server that answers each path; what is missing does not answer at all. */
const answering =
  (answers: Readonly<Record<string, Answer>>): typeof fetch =>
  (path) => {
    const found = typeof path === 'string' ? answers[path] : undefined
    if (!found) return Promise.reject(new TypeError('Failed to fetch'))
    const [status, body] = found
    return Promise.resolve(
      new Response(typeof body === 'string' ? body : JSON.stringify(body), { status }),
    )
  }

const setUp: Answer = [200, { needed: false, version: '0.1.0', passkeys: true }]
const instance: Answer = [200, { name: 'The Lindqvists', registration: 'approval' }]

describe('the first look at a server', () => {
  test('waiting for its host', async () => {
    const run = answering({
      '/api/set-up': [200, { needed: true, passkeys: false }],
      '/api/instance': [503, { code: 'not_set_up' }],
      '/api/session': [503, { code: 'not_set_up' }],
    })
    const seen = await takeFirstLook(run)
    expect(seen).toEqual({
      at: 'not-set-up',
      instance: { name: '', registration: 'closed', passkeys: false },
    })
  })

  test.each([
    [200, 'signed-in'],
    [401, 'signed-out'],
  ] as const)('a session answer of %i is %s', async (status, at) => {
    const run = answering({
      '/api/set-up': setUp,
      '/api/instance': instance,
      '/api/session': [status, {}],
    })
    expect(await takeFirstLook(run)).toEqual({
      at,
      instance: { name: 'The Lindqvists', registration: 'approval', passkeys: true },
    })
  })

  test('an unknown registration is closed', async () => {
    const run = answering({
      '/api/set-up': setUp,
      '/api/instance': [200, { name: 'x', registration: 'everything' }],
      '/api/session': [401, {}],
    })
    expect(await takeFirstLook(run)).toMatchObject({ instance: { registration: 'closed' } })
  })

  test('no answer, a proxy page, or a server under another name', async () => {
    expect(await takeFirstLook(answering({}))).toEqual({ at: 'unreachable', code: undefined })
    const html: Answer = [502, '<html>']
    const proxy = answering({ '/api/set-up': html, '/api/instance': html, '/api/session': html })
    expect(await takeFirstLook(proxy)).toEqual({ at: 'unreachable', code: undefined })
    const other: Answer = [421, { code: 'wrong_host' }]
    const wrong = answering({ '/api/set-up': other, '/api/instance': other, '/api/session': other })
    expect(await takeFirstLook(wrong)).toEqual({ at: 'unreachable', code: 'wrong_host' })
  })
})
