/** Every endpoint, asked by somebody who may with nearly right requests, and with wrong ones. */
import { allEndpoints, type Endpoint, updateMember } from '@hearthold/contract'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openWorld, type World } from '../access/foreign-ids.ts'
import { codeOf, pathOf } from '../access/instance.ts'
import { requestOf } from './arbitrary-of.ts'
import { type Honest, lookAt } from './honest.ts'
import { nearly, oddText } from './mutations.ts'
import { memoryGraceBytes, runs, usedBytes } from './seed.ts'

const endpoints: readonly Endpoint[] = allEndpoints

let world: World
let before: Honest
let memoryBefore: number
/** Endpoints at which something got past the schemas: where nothing does, little is proven. */
const reached = new Set<string>()
beforeAll(async () => {
  world = await openWorld()
  before = await lookAt(world)
  memoryBefore = usedBytes()
})
afterAll(() => world.instance.close())

/** Ids that mean something: random ones would all be answered with not_found. */
const knownIds = (known: World): string[] => {
  const { asker, share, victim, theirs, object, upload } = known
  return [
    ...[asker.account, asker.log.id, asker.device.id, asker.session, share.log.id],
    ...[victim.account, theirs.log.id, object, upload],
    ...[known.repository, known.ownRepository],
  ]
}

/** Puts known ids in the place of made-up ones, by a list of choices. */
const withKnownIds = (endpoint: Endpoint, text: string, choices: readonly number[]): string => {
  // A host may suspend whom he likes, but then there is nobody left to ask.
  if (endpoint === updateMember) return text
  let at = 0
  const ids = knownIds(world)
  return text.replaceAll(/\b[0-9a-f]{32}\b/g, (made) => {
    const choice = choices[at++ % Math.max(1, choices.length)] ?? 0
    return choice < ids.length ? ids[choice]! : made
  })
}

const attemptOf = (endpoint: Endpoint) =>
  fc.record({
    request: requestOf(endpoint).chain((right) =>
      fc.record({
        body:
          endpoint.body === undefined || endpoint.body === 'bytes'
            ? fc.oneof(fc.constant(right.body), fc.uint8Array({ maxLength: 300 }))
            : nearly(fc.constant(right.body)),
        params: fc.constant(right.params),
        query: fc.oneof(
          { weight: 3, arbitrary: fc.constant(right.query) },
          fc.dictionary(oddText, oddText, { maxKeys: 3 }),
        ),
      }),
    ),
    oddParam: fc.option(oddText, { freq: 4 }),
    choices: fc.array(fc.nat(14), { maxLength: 6 }),
    as: fc.constantFrom('nobody', 'asker', 'rightful', 'rightful', 'rightful'),
    type: fc.option(
      fc.constantFrom(
        'application/json',
        'application/octet-stream',
        'application/json; charset=utf-16',
        'application/JSON',
        ';;',
      ),
      { freq: 6 },
    ),
    range: fc.option(
      fc.oneof(
        fc.constantFrom(
          'bytes=0-',
          'bytes=-1',
          'bytes=5-2',
          'bytes=0-0,2-3',
          'bytes=99999999999999999999-',
          'items=0-1',
        ),
        oddText,
      ),
      { freq: 4 },
    ),
  })

/** Sessions that a right request has ended are begun anew. */
const stillIn = async (): Promise<void> => {
  for (const person of [world.asker, world.host]) {
    const { code } = await world.instance.call(
      endpoints.find(({ name }) => name === 'getSession')!,
      { token: person.token },
    )
    if (code === 'unauthenticated') Object.assign(person, await person.newSession())
  }
}

/** What can go into a header; anything else the client's own library refuses. */
const headerSafe = (text: string): string => text.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '?')

describe('nonsense', () => {
  it.each(endpoints.map((endpoint) => [endpoint.name, endpoint] as const))(
    '%s',
    async (name, endpoint) => {
      const { instance } = world
      await stillIn()
      await fc.assert(
        fc.asyncProperty(
          attemptOf(endpoint),
          async ({ request, oddParam, choices, as, type, range }) => {
            const seen = instance.faults.length
            const text =
              typeof request.body === 'string' ? request.body : JSON.stringify(request.body)
            const isBytes = request.body instanceof Uint8Array
            const params = Object.fromEntries(
              Object.entries(request.params).map(([key, id]) => [
                key,
                oddParam ?? withKnownIds(endpoint, id, choices),
              ]),
            )
            let url: string
            try {
              url = pathOf(endpoint, params)
            } catch {
              // A lone surrogate has no place in a URL.
              return
            }
            const payload = isBytes
              ? Buffer.from(request.body as Uint8Array)
              : withKnownIds(endpoint, text ?? '', choices)
            const rightful = endpoint.access === 'host' ? world.host : world.asker
            const token =
              as === 'nobody' ? undefined : (as === 'asker' ? world.asker : rightful).token
            const answer = await instance.send({
              method: endpoint.method,
              url,
              query: Object.fromEntries(
                Object.entries(request.query).map(([key, value]) => [key, String(value)]),
              ),
              headers: {
                ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
                ...(request.body === undefined
                  ? {}
                  : {
                      'content-type':
                        type ?? (isBytes ? 'application/octet-stream' : 'application/json'),
                    }),
                ...(range === null ? {} : { range: headerSafe(range) }),
              },
              ...(request.body === undefined ? {} : { payload }),
            })
            if (
              !['bad_request', 'unauthenticated', 'forbidden', 'unsupported_media_type'].includes(
                codeOf(answer),
              )
            )
              reached.add(name)
            expect(instance.faults.slice(seen)).toEqual([])
            expect(codeOf(answer)).not.toBe('none')
          },
        ),
        runs(40),
      )
    },
  )

  it('leaves an honest member as it was, and no more in memory than before', async () => {
    expect(await lookAt(world)).toEqual(before)
    const { statusCode } = await world.instance.send({ method: 'GET', url: '/readyz' })
    expect(statusCode).toBe(200)
    expect(reached.size).toBeGreaterThan(endpoints.length * 0.75)
    expect(usedBytes() - memoryBefore).toBeLessThan(memoryGraceBytes)
  })
})
