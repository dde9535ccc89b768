/** Random requests to a server of restic repositories, and how its answers are held against those of the model. */
import { createHash } from 'node:crypto'
import type { SeededRandom } from '../crash/seeded-random.ts'
import type { ModelAnswer, ModelRequest, ModelSettings } from './rest-server-model.ts'
import type { RawAnswer, RawRequest } from './rest-server-process.ts'

const types = ['data', 'locks', 'index', 'keys', 'snapshots']
const restOfV2 = 'application/vnd.x.restic.rest.v2'

/** Few, so that requests meet: empty, small, and around the 64 KiB where the server changes its way. */
const bodies = [0, 1, 20, 3000, 65_536, 65_537, 150_000].map((size, at) =>
  Buffer.alloc(size, at + 65),
)
const idOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const ids = [...bodies.map(idOf), '0'.repeat(64)]

const folders = [
  '/anna',
  '/a',
  '',
  '/a/b',
  '/anna/x',
  '/bert',
  '/sp%20ace',
  '/anna/%c3%b6',
  '/an%6Ea',
]
const tricks = [
  ...['//', '/a//data/', '/a/./data/', '/a/../a/config', '/..', '/a/%2e%2e/a/', '/.', '/%2e/data/'],
  ...['/a%2Fb/config', '/a/d%61ta/', '/a/c%6Fnfig', '/%2Fa/', '/a/%00/', '/a%/data/', '/%zz/'],
  ...[
    '/a/b/c/',
    '/a/b/c/data/',
    '/data/keys/',
    '/a/config/',
    '/a',
    '/a/none',
    '/a/data',
    '/none/x/y',
  ],
  ...[
    '/.bin/',
    '/a/.bin/keys/',
    '/a%5Cb/',
    '/%ff/',
    `/${'n'.repeat(256)}/`,
    '/metrics',
    '/a/data/xyz',
  ],
  ...[`/a/data/${'A'.repeat(64)}`, `/a/data/${'0'.repeat(63)}`, `/a/data/00/${'0'.repeat(64)}`],
  ...[`/a/locks/${'0'.repeat(64)}/`, '/a/data/?x=1', '/a/../../etc/passwd', '/a/%2e%2e%2f%2e%2e/'],
]
const ranges = [
  ...['bytes=0-', 'bytes=0-0', 'bytes=1-', 'bytes=5-10', 'bytes=-1', 'bytes=-70000', 'bytes=2-1'],
  ...['bytes=99999-', 'bytes=999999-x', 'bytes=3000-', 'bytes=2999-', 'bytes=0-999999', 'bytes=-0'],
  ...['bytes=0-0,2-3', 'bytes=0-,0-', 'bytes= 1 - 2 ', 'bytes=', 'bytes=x', 'bytes=-', 'bytes=1'],
  ...['items=0-1', 'bytes=999999-,0-1', 'bytes=0-1,', 'bytes=0-1,x', 'bytes=--1'],
]

const dates = ['Sat, 21 Nov 2026 00:00:00 GMT', 'Fri, 02 Jan 1970 00:00:00 GMT', 'yesterday']

const methodFor = (random: SeededRandom): string => {
  const usual = ['GET', 'GET', 'HEAD', 'POST', 'POST', 'POST', 'DELETE']
  return random.chance(0.04) ? random.pick(['PUT', 'PATCH', 'OPTIONS']) : random.pick(usual)
}

/** Mostly one of the first few, so that requests meet; now and then any. */
const pickOften = <Item>(random: SeededRandom, items: readonly Item[], few: number): Item =>
  random.pick(random.chance(0.75) ? items.slice(0, few) : items)

const objectRequest = (random: SeededRandom, folder: string, method: string): ModelRequest => {
  const type = pickOften(random, types, 2)
  const at = pickOften(random, [3, 2, 5, 0, 1, 4, 6, 7], 3)
  const path = `${folder}/${type}/${ids[at]}`
  if (method === 'POST') {
    const right = bodies[at] ?? random.pick(bodies)
    const body = random.chance(0.85) ? right : random.pick(bodies)
    return { method, path, body, ...(random.chance(0.15) ? { chunked: true } : {}) }
  }
  if (method !== 'GET' || random.chance(0.3)) return { method, path }
  if (random.chance(0.05)) return { method, path, ifNoneMatch: '*' }
  if (random.chance(0.05)) return { method, path, ifMatch: random.pick(['*', '"x"']) }
  if (random.chance(0.05)) return { method, path, ifModifiedSince: random.pick(dates) }
  if (random.chance(0.05))
    return { method, path, range: 'bytes=0-0', ifRange: random.pick(['"x"', ...dates]) }
  return { method, path, range: random.pick(ranges) }
}

const configRequest = (random: SeededRandom, folder: string, method: string): ModelRequest => {
  const path = `${folder}/config`
  if (method === 'POST') return { method, path, body: pickOften(random, bodies.slice(0, 4), 2) }
  return method === 'GET' && random.chance(0.4)
    ? { method, path, range: random.pick(ranges) }
    : { method, path }
}

/** The next request of a sequence, without who sends it. */
const anyRequest = (random: SeededRandom): ModelRequest => {
  const kind = random.next()
  const folder = pickOften(random, folders, 2)
  const method = methodFor(random)
  if (kind < 0.55) return objectRequest(random, folder, method)
  if (kind < 0.67) return configRequest(random, folder, method)
  if (kind < 0.8) {
    const accept = random.pick([restOfV2, restOfV2, '*/*', `${restOfV2}, */*`, ''])
    const how = random.chance(0.9) ? 'GET' : method
    return {
      method: how,
      path: `${folder}/${pickOften(random, types, 2)}/`,
      ...(accept === '' ? {} : { accept }),
    }
  }
  if (kind < 0.88) {
    const query = random.pick([
      '?create=true',
      '?create=true',
      '?create=false',
      '',
      '?create=true&x',
      '?create=true?',
      '?create=true;',
      '?x;y&create=true',
      '?create=false&create=true',
      '?cre%61te=tru%65',
      '?create=true&create=false',
    ])
    return { method: random.chance(0.8) ? 'POST' : method, path: `${folder}/${query}` }
  }
  const query = random.chance(0.5) ? '?create=true' : ''
  return { method, path: `${random.pick(tricks)}${query}` }
}

/** The next request of a sequence. */
export const nextRequest = (random: SeededRandom, settings: ModelSettings): ModelRequest => {
  const request = anyRequest(random)
  if (settings.users === undefined) return request
  if (random.chance(0.05)) return random.chance(0.5) ? request : { ...request, user: 'stranger' }
  return { ...request, user: pickOften(random, settings.users, 1) }
}

const passwordOf = (user: string): string => (user === 'stranger' ? 'wrong' : `${user}s secret`)

/** A request of the model as it is sent. */
export const asSent = (request: ModelRequest): RawRequest => {
  const { method, path, user, accept, range, body, chunked } = request
  const headers = {
    ...{ accept, range },
    'if-match': request.ifMatch,
    'if-none-match': request.ifNoneMatch,
    'if-range': request.ifRange,
    'if-modified-since': request.ifModifiedSince,
  }
  return {
    method,
    path,
    ...(user === undefined ? {} : { auth: `${user}:${passwordOf(user)}` }),
    ...(body === undefined ? {} : { body }),
    ...(chunked === undefined ? {} : { chunked }),
    headers: Object.fromEntries(
      Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
  }
}

const listOf = (body: Buffer): string[] => {
  const entries = JSON.parse(body.toString()) as (string | { name: string; size: number })[]
  return entries
    .map((entry) => (typeof entry === 'string' ? entry : `${entry.name} ${entry.size}`))
    .sort()
}

/** What of an answer the model speaks of too, in its words: the two are equal, or the answer is wrong. */
export const asModelled = (
  wanted: ModelAnswer,
  { status, headers, body }: RawAnswer,
): ModelAnswer => {
  const { allow, 'content-type': contentType, 'content-range': contentRange } = headers
  const isWanted = (part: keyof ModelAnswer): boolean =>
    wanted[part] !== undefined && status === wanted.status
  return {
    status,
    ...(isWanted('allow') ? { allow: String(allow) } : {}),
    // What follows is the boundary of parts, which nobody can know.
    ...(isWanted('contentType') ? { contentType: String(contentType).split(';')[0] ?? '' } : {}),
    ...(isWanted('contentRange') ? { contentRange: String(contentRange) } : {}),
    ...(isWanted('contentLength') ? { contentLength: Number(headers['content-length']) } : {}),
    ...(isWanted('asksToSignIn')
      ? { asksToSignIn: headers['www-authenticate'] !== undefined }
      : {}),
    ...(isWanted('body') ? { body } : {}),
    ...(isWanted('list') ? { list: listOf(body) } : {}),
  }
}

/** For a message: a request in a line. */
export const inWords = ({ body, ...request }: ModelRequest): string =>
  JSON.stringify({ ...request, ...(body === undefined ? {} : { bodyBytes: body.length }) })
