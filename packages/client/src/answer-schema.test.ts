import { allEndpoints, listSessions, ServerFrame, startPasswordSignIn } from '@hearthold/contract'
import { describe, expect, it } from 'vitest'
import { AnswerMismatch, knownKeywords, readAnswer } from './answer-schema.ts'

const id = '0123456789abcdef0123456789abcdef'
const session = {
  id,
  current: true,
  createdAt: 1,
  lastUsedAt: 2,
  expiresAt: 3,
  staySignedIn: false,
  method: 'password',
  device: null,
  address: '127.0.0.1',
  client: 'cli',
}

/** Every schema node below `node`, told apart from maps of properties. */
const nodesOf = (node: Record<string, unknown>): Record<string, unknown>[] => [
  node,
  ...Object.values((node['properties'] ?? {}) as Record<string, Record<string, unknown>>).flatMap(
    nodesOf,
  ),
  ...((node['anyOf'] ?? []) as Record<string, unknown>[]).flatMap(nodesOf),
  ...(node['items'] ? nodesOf(node['items'] as Record<string, unknown>) : []),
]

describe('readAnswer', () => {
  it('knows every keyword of every answer in the contract', () => {
    const schemas = [...allEndpoints.map(({ answer }) => answer), ServerFrame]
    const objects: object[] = schemas.filter((schema) => typeof schema === 'object')
    const keywords = new Set(
      objects.flatMap((schema) => nodesOf({ ...schema })).flatMap((node) => Object.keys(node)),
    )
    expect(objects.length).toBeGreaterThan(20)
    expect([...keywords].filter((keyword) => !knownKeywords.includes(keyword))).toEqual([])
  })

  it('keeps what fits and drops members that a newer server added', () => {
    const answer = { sessions: [{ ...session, colour: 'green' }], more: 1 }
    expect(readAnswer(listSessions.answer as object, answer)).toEqual({ sessions: [session] })
  })

  it.each([
    ['a missing member', { sessions: [{ ...session, id: undefined }] }, 'answer.sessions[].id'],
    [
      'a wrong pattern',
      { sessions: [{ ...session, id: id.toUpperCase() }] },
      'answer.sessions[].id',
    ],
    ['a trailing line end', { sessions: [{ ...session, id: `${id}\n` }] }, 'answer.sessions[].id'],
    ['a wrong type', { sessions: {} }, 'answer.sessions'],
    ['a fraction', { sessions: [{ ...session, createdAt: 1.5 }] }, 'answer.sessions[].createdAt'],
    [
      'a negative time',
      { sessions: [{ ...session, createdAt: -1 }] },
      'answer.sessions[].createdAt',
    ],
    [
      'no choice that fits',
      { sessions: [{ ...session, method: 'magic' }] },
      'answer.sessions[].method',
    ],
    ['an array', [], 'answer'],
    ['null', null, 'answer'],
  ])('refuses %s, by its path alone', (_, value, path) => {
    const read = () => readAnswer(listSessions.answer as object, value)
    expect(read).toThrow(AnswerMismatch)
    expect(read).toThrow(new AnswerMismatch(path))
  })

  it('checks literals and limits of length', () => {
    const answer = { signIn: id, account: id, loginResponse: 'A'.repeat(427), ksf: 1 }
    expect(readAnswer(startPasswordSignIn.answer as object, answer)).toEqual(answer)
    expect(() => readAnswer(startPasswordSignIn.answer as object, { ...answer, ksf: 2 })).toThrow(
      AnswerMismatch,
    )
    const longer = { ...answer, loginResponse: 'A'.repeat(428) }
    expect(() => readAnswer(startPasswordSignIn.answer as object, longer)).toThrow(AnswerMismatch)
  })

  it('is not fooled by members of the prototype', () => {
    const value: unknown = JSON.parse('{"__proto__":{"sessions":[]}}')
    expect(() => readAnswer(listSessions.answer as object, value)).toThrow(AnswerMismatch)
  })
})
