/**
 * Another member's id is answered exactly as one that nobody has (ID-16): the same status, code, words and headers.
 * Which fields hold ids is read from the contract; foreign-ids.ts says how each is tried.
 */
import {
  allEndpoints,
  type Endpoint,
  getObject,
  Id,
  listLogs,
  listSessions,
  putBundle,
} from '@hearthold/contract'
import type { LightMyRequestResponse } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestSocket } from '../../apps/server/src/platform/socket/test-socket.ts'
import type { Schema } from '../fuzz/arbitrary-of.ts'
import {
  binaryTrials,
  bundleOf,
  idFields,
  openWorld,
  type Trial,
  unknownId,
  type World,
} from './foreign-ids.ts'
import { codeOf } from './instance.ts'

const endpoints: readonly Endpoint[] = allEndpoints

/** Places of ids in a schema, as `part.field`. */
const idsIn = (schema: Schema | undefined, path: string): string[] => {
  if (schema === undefined) return []
  if (schema.pattern === (Id as Schema).pattern) return [path]
  return [
    ...Object.entries(schema.properties ?? {}).flatMap(([name, of]) =>
      idsIn(of, `${path}.${name}`),
    ),
    ...idsIn(schema.items, path),
    ...(schema.anyOf ?? []).flatMap((of) => idsIn(of, path)),
  ]
}

const fieldsOf = ({ name, params, query, body }: Endpoint): string[] =>
  [
    ...idsIn(params as Schema, 'params'),
    ...idsIn(query as Schema, 'query'),
    ...idsIn(body === 'bytes' ? undefined : (body as Schema), 'body'),
  ].map((field) => `${name} ${field}`)

const endpointOf = (field: string): Endpoint =>
  endpoints.find(({ name }) => field.startsWith(`${name} `))!

let world: World
beforeAll(async () => void (world = await openWorld()))
afterAll(() => world.instance.close())

/** What must not differ: everything but the request's own number, the time, and values that are random anyway. */
const comparable = (answer: LightMyRequestResponse, ids: readonly string[]) => {
  const { 'x-request-id': _id, date: _date, ...headers } = answer.headers
  let text = answer.payload
  for (const id of ids) text = text.replaceAll(id, 'ID')
  const random = ['requestId', 'signIn', 'challenge']
  const body = text.startsWith('{')
    ? Object.entries(JSON.parse(text) as object).map(([name, value]) => [
        name,
        random.includes(name) ? typeof value : value,
      ])
    : text
  return { status: answer.statusCode, headers, body }
}

const compare = async (endpoint: Endpoint, trial: Trial): Promise<void> => {
  const { token } = world.asker
  const theirs = await trial.theirs(world)
  const unknown = unknownId()
  const [forTheirs, forUnknown] = [
    await world.instance.ask(endpoint, { token, ...(await trial.request(world, theirs)) }),
    await world.instance.ask(endpoint, { token, ...(await trial.request(world, unknown)) }),
  ]
  expect(codeOf(forUnknown)).toBe(trial.code)
  expect(comparable(forTheirs, [theirs])).toEqual(comparable(forUnknown, [unknown]))
}

describe('an id in a request', () => {
  const known = endpoints.flatMap(fieldsOf)

  it('stands in the table, and nothing else does', () => {
    expect(Object.keys(idFields).toSorted()).toEqual(known.toSorted())
  })

  const trials = Object.entries(idFields).flatMap(([field, trial]) =>
    typeof trial === 'string' ? [] : [[field, trial] as const],
  )
  it.each(trials)("%s: another's is as good as none", async (field, trial) => {
    await compare(endpointOf(field), trial)
  })

  it.each(Object.entries(binaryTrials))('%s is as good as for none', async (_what, trial) => {
    await compare(trial.endpoint, trial)
  })

  const reads = trials.filter(([field]) => endpointOf(field).method === 'GET')
  it.each(reads)(
    '%s: the owner is answered, a host is not unless it says so',
    async (field, trial) => {
      const { instance, victim, host } = world
      const request = await trial.request(world, await trial.theirs(world))
      const theirs = await instance.ask(endpointOf(field), { ...request, token: victim.token })
      expect(theirs.statusCode).toBe(200)
      const hosts = await instance.ask(endpointOf(field), { ...request, token: host.token })
      expect(codeOf(hosts)).toBe(trial.hostsToo ? '' : 'not_found')
    },
  )
})

describe('what stays hidden', () => {
  it("lists name only one's own", async () => {
    const { instance, asker, share, victim } = world
    const logs = await instance.ask(listLogs, { token: asker.token })
    expect(
      logs
        .json<{ logs: { log: string }[] }>()
        .logs.map(({ log }) => log)
        .toSorted(),
    ).toEqual([asker.log.id, share.log.id].toSorted())
    const sessions = await instance.ask(listSessions, { token: asker.token })
    expect(sessions.payload).toContain(asker.session)
    expect(sessions.payload).not.toContain(victim.session)
  })

  it("another's log, and none, are the same on the socket", async () => {
    const { instance, asker, theirs, share } = world
    await instance.app.start()
    const socket = await TestSocket.signedIn(instance.app.http.port()!, asker.token)
    const refusal = async (log: string) => {
      socket.send({ frame: 'open', log, after: 0 })
      return { ...(await socket.nextFrame('problem')), log: '' }
    }
    expect(await refusal(theirs.log.id)).toEqual(await refusal(unknownId()))
    expect(await refusal(theirs.log.id)).toEqual({ frame: 'problem', code: 'not_found', log: '' })
    socket.send({ frame: 'open', log: share.log.id, after: 0 })
    expect((await socket.nextPage()).entries.length).toBeGreaterThan(0)
    socket.send({ frame: 'follow' })
    const heads = await socket.nextHeads()
    expect(heads.map(({ log }) => log).toSorted()).toEqual([asker.log.id, share.log.id].toSorted())
    socket.socket.close()
  })

  it("knowing an object's id and bytes does not make it one's own", async () => {
    const { instance, asker, object, objectBytes } = world
    const body = bundleOf({ id: object, bytes: objectBytes })
    expect(codeOf(await instance.ask(putBundle, { token: asker.token, body }))).toBe(
      'object_exists',
    )
    const answer = await instance.ask(getObject, { token: asker.token, params: { object } })
    expect(codeOf(answer)).toBe('not_found')
  })
})
