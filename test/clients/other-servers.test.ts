/**
 * The model of rest-server against other servers of restic repositories: rclone's, whose known deviations are listed here, and,
 * where REST_SERVER names its binary, rest-server itself.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { seededRandom } from '../crash/seeded-random.ts'
import { asModelled, asSent, inWords, nextRequest } from '../repositories/request-sequences.ts'
import {
  type ModelAnswer,
  type ModelRequest,
  RestServerModel,
} from '../repositories/rest-server-model.ts'
import { ask, type RawAnswer, stopAll } from '../repositories/rest-server-process.ts'
import { flagsFor, runSequence, settingsOf } from '../repositories/sequence-run.ts'
import { restServerBinary, startOriginal } from './other-rest-server.ts'

let folder = ''
let rclone: ChildProcess | undefined
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearthold-others-'))
})
afterEach(async () => {
  if (rclone !== undefined) {
    const gone = once(rclone, 'exit')
    rclone.kill('SIGKILL')
    await gone
    rclone = undefined
  }
  await stopAll()
  rmSync(folder, { recursive: true, force: true })
})

type Exchange = { request: ModelRequest; wanted: ModelAnswer; found: RawAnswer }

/** What rclone 1.60 does otherwise than rest-server, where that changes nothing that it holds. */
const deviations: Readonly<Record<string, (exchange: Exchange) => boolean>> = {
  'a list of version 1 is refused': ({ request, wanted, found }) =>
    wanted.contentType?.endsWith('v1') === true && request.method === 'GET' && found.status === 400,
  'a list of what is not there is refused like one of version 1': ({ request, wanted, found }) =>
    wanted.status === 404 && request.method === 'GET' && found.status === 400,
  'a list of what is not there is empty': ({ wanted, found }) =>
    wanted.status === 404 && found.status === 200 && found.body.toString().trim() === '[]',
  'a list and a path end alike: what is no place is taken for a list': ({ request, found }) =>
    /\/(?:\?|$)/.test(request.path) && request.method === 'GET' && found.status === 400,
  'a path that ends with a slash is a repository that may be created': ({
    request,
    wanted,
    found,
  }) => request.method === 'POST' && wanted.status === 405 && found.status === 400,
  'what is not there cannot be deleted': ({ request, found }) =>
    request.method === 'DELETE' && found.status === 404,
  '405 does not tell what is allowed': ({ wanted, found }) =>
    wanted.status === 405 && found.status === 405 && found.headers.allow === undefined,
  'a range of a config is answered': ({ request, wanted, found }) =>
    request.path.endsWith('config') && wanted.status === 200 && found.status === 206,
  'a range that is none, several, or beyond the end is 400, 206 or an answer that is cut': ({
    request,
    wanted,
    found,
  }) =>
    request.range !== undefined &&
    ([0, 400].includes(found.status) || (wanted.status !== 206 && found.status === 206)),
}

const cut: RawAnswer = { status: 0, headers: {}, body: Buffer.alloc(0) }

const isRight = ({ path, body = Buffer.alloc(0) }: ModelRequest): boolean =>
  path.endsWith(createHash('sha256').update(body).digest('hex'))

/**
 * Left out: what rclone would do to its repositories otherwise (it overwrites, compares no hash, and takes any name), and
 * paths and conditions, which are Go's affair and not the protocol's.
 */
const isComparable = (request: ModelRequest, model: RestServerModel): boolean => {
  const { method, path, ifMatch, ifNoneMatch } = request
  const isPlace =
    /^\/(?:anna|a)\/(?:(?:data|locks|index|keys|snapshots)\/(?:[0-9a-f]{64})?|config)?(?:\?create=(?:true|false))?$/
  if (!isPlace.test(path) || ifMatch !== undefined || ifNoneMatch !== undefined) return false
  if (method !== 'POST') return true
  const [, name = '', type = '', id] = /^\/(\w+)\/(?:(\w+)(?:\/([0-9a-f]{64}))?)?/.exec(path) ?? []
  if (type === 'config') return model.repositories.get(name)?.config === undefined
  // It would make a repository in the folder of a type.
  if (id === undefined) return type === '' || !path.endsWith('=true')
  return isRight(request) && model.repositories.get(name)?.objects.get(type)?.has(id) !== true
}

const startRclone = async (): Promise<number> => {
  if (spawnSync('rclone', ['version']).status !== 0)
    throw new Error('this test needs rclone: install the package of that name')
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  const port = address === null || typeof address === 'string' ? 0 : address.port
  await new Promise((done) => probe.close(done))
  const config = ['--config', join(folder, 'rclone.conf')]
  const where = ['--addr', `127.0.0.1:${port}`, join(folder, 'rclone')]
  rclone = spawn('rclone', ['serve', 'restic', ...config, ...where], { stdio: 'ignore' })
  for (const began = Date.now(); Date.now() - began < 10_000; await delay(20))
    if (await ask({ port }, { path: '/' }).catch(() => undefined)) return port
  throw new Error('rclone does not answer')
}

test('rclone answers as the model does, but for what is listed', async () => {
  const port = await startRclone()
  const random = seededRandom(7)
  const settings = { users: undefined, privateRepos: false, appendOnly: false, verify: true }
  // Two that rclone shares with us.
  const model = new RestServerModel(settings, ['config-without-create', 'nothing-left-behind'])
  const met = new Map<string, number>()
  let compared = 0
  while (compared < 3000) {
    const request = nextRequest(random, settings)
    if (!isComparable(request, model)) continue
    compared++
    const wanted = model.answer(request)
    const found = await ask({ port }, asSent(request)).catch(() => cut)
    if (isDeepStrictEqual(asModelled(wanted, found), wanted)) continue
    const name = Object.keys(deviations).find((known) =>
      deviations[known]?.({ request, wanted, found }),
    )
    if (name === undefined)
      throw new Error(
        `${inWords(request)}: rclone answered ${found.status}, the model says ${wanted.status}`,
      )
    met.set(name, (met.get(name) ?? 0) + 1)
  }
  // None is listed that is not so.
  expect([...met.keys()].sort()).toEqual(Object.keys(deviations).sort())
})

test('rclone overwrites, and compares no hash; rest-server and Hearthold do neither', async () => {
  const port = await startRclone()
  const put = (body: string): Promise<RawAnswer> =>
    ask({ port }, { method: 'POST', path: `/a/keys/${'0'.repeat(64)}`, body: Buffer.from(body) })
  await ask({ port }, { method: 'POST', path: '/a/?create=true' })
  expect([(await put('one')).status, (await put('two')).status]).toEqual([200, 200])
  const kept = await ask({ port }, { path: `/a/keys/${'0'.repeat(64)}` })
  expect(kept.body.toString()).toBe('two')
})

// REST_SEQUENCES and REST_STEPS make a longer run of it.
const count = Number(process.env['REST_SEQUENCES'] ?? 16)
const steps = Number(process.env['REST_STEPS'] ?? 1000)
const seeds = Array.from({ length: count }, (_, at) => at)
describe.skipIf(restServerBinary === undefined)('rest-server itself', () => {
  test.each(seeds)('answers as the model does, sequence %i', async (seed) => {
    const data = join(folder, 'data')
    mkdirSync(data)
    const { ask: asked } = await startOriginal(flagsFor(settingsOf(seed), data))
    const met = await runSequence({ seed, steps, folder: data }, [], asked)
    expect(met.size).toBe(0)
  })
})
