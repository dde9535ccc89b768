import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { StorageError } from '../storage/storage.ts'
import { sha256, startRestic, type TestRestic } from './test-restic.ts'

let restic: TestRestic
beforeEach(async () => {
  restic = await startRestic()
})
afterEach(() => restic.close())

const config = '/r/config'
const bytes = randomBytes(1000)
const id = sha256(bytes)
const path = `/r/data/${id}`
const put = (body: Uint8Array = bytes, at = path) => restic.send('POST', at, { body })
const statusOf = async (method: string, at: string) => (await restic.send(method, at)).status
const v2 = 'application/vnd.x.restic.rest.v2'

describe('a repository', () => {
  test('is created by the query only, and again does no harm', async () => {
    rmSync(restic.folder, { recursive: true })
    expect(await statusOf('POST', '/r/?create=true')).toBe(200)
    expect(readdirSync(join(restic.folder, 'data'))).toHaveLength(256)
    expect(readdirSync(restic.folder).sort()).toEqual([
      'data',
      'index',
      'keys',
      'locks',
      'snapshots',
    ])
    await put()
    expect(await statusOf('POST', '/r/?create=true')).toBe(200)
    expect(await statusOf('HEAD', path)).toBe(200)
    expect(await statusOf('POST', '/r/')).toBe(400)
    expect(await statusOf('POST', '/r/?create=false')).toBe(400)
    expect(await statusOf('POST', '/r/?create=true?')).toBe(400)
  })

  test.each([
    ['GET', '/r/', 'POST'],
    ['DELETE', '/r/', 'POST'],
    ['POST', '/r/data/', 'GET'],
    ['HEAD', '/r/data/', 'GET'],
    ['DELETE', '/r/data/', 'GET'],
    ['PUT', path, 'HEAD, GET, POST, DELETE'],
    ['PATCH', config, 'HEAD, GET, POST, DELETE'],
    ['OPTIONS', path, 'HEAD, GET, POST, DELETE'],
  ])('takes no %s at %s', async (method, at, allow) => {
    const { status, headers } = await restic.send(method, at)
    expect([status, headers.allow]).toEqual([405, allow])
  })

  test.each(['/r', '/r/data', '/r/other/', `/r/data/${id.slice(2)}`, `/r/data/../config`])(
    'has nothing at %s',
    async (at) => expect(await statusOf('GET', at)).toBe(404),
  )
})

describe('objects', () => {
  test('are stored, told of, read and removed', async () => {
    expect([await statusOf('HEAD', path), await statusOf('GET', path)]).toEqual([404, 404])
    expect(await put()).toMatchObject({ status: 200, headers: { 'content-length': '0' } })
    expect(readFileSync(join(restic.folder, 'data', id.slice(0, 2), id))).toEqual(bytes)
    const head = await restic.send('HEAD', path, { headers: { range: 'bytes=1-2' } })
    expect([head.status, head.headers['content-length']]).toEqual([200, '1000'])
    const whole = await restic.send('GET', path)
    expect([whole.status, whole.body.equals(bytes)]).toEqual([200, true])
    expect(whole.headers).toMatchObject({
      'content-length': '1000',
      'content-type': 'application/octet-stream',
      'accept-ranges': 'bytes',
    })
    expect(whole.headers['last-modified']).toBeUndefined()
    expect(await statusOf('DELETE', path)).toBe(200)
    expect(await statusOf('HEAD', path)).toBe(404)
    expect(await statusOf('DELETE', path)).toBe(200)
    expect(restic.events).toEqual([
      { act: 'write', type: 'data', bytes: 1000 },
      { act: 'read', type: 'data', bytes: 1000 },
      { act: 'remove', type: 'data', bytes: 1000 },
    ])
  })

  test.each([1000, 65_536, 65_537, 3_000_000])('are read in part, of %d bytes', async (size) => {
    const large = randomBytes(size)
    const at = `/r/index/${sha256(large)}`
    await put(large, at)
    const get = (range: string, more = {}) =>
      restic.send('GET', at, { headers: { range, ...more } })
    const part = await get('bytes=10-99')
    expect(part).toMatchObject({
      status: 206,
      headers: { 'content-length': '90', 'content-range': `bytes 10-99/${size}` },
    })
    expect(part.body.equals(large.subarray(10, 100))).toBe(true)
    expect((await get('bytes=0-')).body.equals(large)).toBe(true)
    expect((await get('bytes=0-')).status).toBe(206)
    expect((await get(`bytes=500-`)).body.equals(large.subarray(500))).toBe(true)
    expect(await get(`bytes=${size}-`)).toMatchObject({
      status: 416,
      headers: { 'content-range': `bytes */${size}` },
    })
    const malformed = await get('bytes=x')
    expect([malformed.status, malformed.headers['content-range']]).toEqual([416, undefined])
    expect((await get('bytes=1-2,5-6')).status).toBe(200)
    expect((await get('bytes=1-2', { 'if-range': '"x"' })).status).toBe(200)
  })

  test('of no bytes are objects too', async () => {
    const empty = `/r/data/${sha256(Buffer.of())}`
    expect((await put(Buffer.of(), empty)).status).toBe(200)
    const got = await restic.send('GET', empty, { headers: { range: 'bytes=0-' } })
    expect([got.status, got.headers['content-length']]).toEqual([200, '0'])
  })

  test('are what restic asks for: a config that nobody replaces', async () => {
    expect(await statusOf('GET', config)).toBe(404)
    expect((await put(bytes, config)).status).toBe(200)
    expect((await put(bytes, config)).status).toBe(200)
    expect((await put(randomBytes(1000), config)).status).toBe(403)
    const got = await restic.send('GET', config)
    expect([got.headers['content-length'], got.body.equals(bytes)]).toEqual(['1000', true])
    expect(await statusOf('HEAD', config)).toBe(200)
    expect(await statusOf('DELETE', config)).toBe(200)
    expect(await statusOf('HEAD', config)).toBe(404)
  })

  test('that a disk has cut short break off instead of ending', async () => {
    const large = Buffer.alloc(40_000_000)
    const at = join(restic.folder, 'keys', sha256(large))
    writeFileSync(at, large)
    const { socket, answer } = restic.raw()
    socket.write(`GET /r/keys/${sha256(large)} HTTP/1.1\r\nHost: x\r\n\r\n`)
    await new Promise((resolve) => socket.once('data', resolve))
    socket.pause()
    truncateSync(at, 1_000_000)
    socket.resume()
    const got = await answer
    expect(got).toMatch(/^HTTP\/1.1 200 [^]*content-length: 40000000/i)
    expect(got.length).toBeLessThan(40_000_000)
  })
})

describe('lists', () => {
  const list = (at: string, accept?: string) =>
    restic.send('GET', at, { headers: accept === undefined ? {} : { accept } })

  test('are of names, or of names and sizes for who asks for exactly that', async () => {
    const other = randomBytes(70_000)
    for (const body of [bytes, other]) await put(body, `/r/data/${sha256(body)}`)
    const names = [id, sha256(other)].sort()
    const plain = await list('/r/data/')
    expect(plain.headers['content-type']).toBe('application/vnd.x.restic.rest.v1')
    expect((JSON.parse(plain.body.toString()) as string[]).sort()).toEqual(names)
    const sized = await list('/r/data/', v2)
    expect(sized.headers['content-type']).toBe(v2)
    expect(sized.headers['content-length']).toBe(String(sized.body.length))
    expect(JSON.parse(sized.body.toString())).toEqual(
      expect.arrayContaining([
        { name: id, size: 1000 },
        { name: sha256(other), size: 70_000 },
      ]),
    )
    for (const accept of [`${v2}, */*`, v2.toUpperCase(), '*/*'])
      expect((await list('/r/data/', accept)).headers['content-type']).toContain('v1')
  })

  test('are empty, or not there', async () => {
    expect((await list('/r/locks/', v2)).body.toString()).toBe('[]')
    rmSync(join(restic.folder, 'locks'), { recursive: true })
    expect((await list('/r/locks/', v2)).status).toBe(404)
  })

  test('never show what is no object', async () => {
    for (const name of ['readme', `${id}.rest-server-temp12345`, id.toUpperCase(), `${id}0`])
      writeFileSync(join(restic.folder, 'snapshots', name), '')
    mkdirSync(join(restic.folder, 'data', 'ff'))
    writeFileSync(join(restic.folder, 'data', 'ff', id.replace(/^../, '00')), '')
    await restic.store.bin.put({ type: 'snapshots', id }, 1, 2)
    expect((await list('/r/snapshots/')).body.toString()).toBe('[]')
    expect((await list('/r/data/')).body.toString()).toBe('[]')
  })
})

describe('lists of storages that have no text at hand', () => {
  test('come in chunks, and break off where the storage does', async () => {
    let fails = false
    const streaming = await startRestic((store) => ({
      create: () => store.create(),
      stat: (ref) => store.stat(ref),
      open: (ref) => store.open(ref),
      write: (ref, body, options) => store.write(ref, body, options),
      remove: (ref) => store.remove(ref),
      bin: store.bin,
      list: async function* () {
        yield [{ id, sizeBytes: 5, storedAt: 0 }]
        yield []
        if (fails) throw new StorageError('unavailable', 'gone')
        yield [{ id, sizeBytes: 6, storedAt: 0 }]
      },
    }))
    const get = () => streaming.send('GET', '/r/data/', { headers: { accept: v2 } })
    expect(JSON.parse((await get()).body.toString())).toEqual([
      { name: id, size: 5 },
      { name: id, size: 6 },
    ])
    fails = true
    await expect(get()).rejects.toThrow(/aborted|hang up/)
    await streaming.close()
  })
})

describe('what a caller may not', () => {
  test.each([
    ['GET', path, 'read'],
    ['HEAD', path, 'read'],
    ['GET', '/r/data/', 'read'],
    ['POST', path, 'create'],
    ['POST', config, 'create'],
    ['POST', '/r/?create=true', 'create'],
    ['DELETE', path, 'remove'],
  ] as const)('%s %s is 403, and 401 once the credential is gone', async (method, at, act) => {
    restic.policy = { may: (asked) => asked !== act }
    expect(await statusOf(method, at)).toBe(403)
    expect(restic.events.map(({ act: happened }) => happened)).toEqual(
      act === 'remove' ? ['refused-removal'] : [],
    )
    restic.policy = { may: () => 'gone' }
    const { status, headers } = await restic.send(method, at)
    expect([status, headers['www-authenticate']]).toEqual([401, 'Basic realm="Hearthold"'])
  })

  test('is asked for each type', async () => {
    restic.policy = { may: (act, type) => act !== 'remove' || type === 'locks' }
    await put()
    await put(bytes, `/r/locks/${id}`)
    expect(await statusOf('DELETE', path)).toBe(403)
    expect(await statusOf('DELETE', `/r/locks/${id}`)).toBe(200)
    expect(await statusOf('DELETE', config)).toBe(403)
  })

  test('remove where the bin is full is 507', async () => {
    restic.policy = { remove: () => Promise.reject(new StorageError('full', 'The bin is full.')) }
    expect(await statusOf('DELETE', path)).toBe(507)
  })

  test('a fault of ours is 500, and says nothing of it', async () => {
    restic.policy = { remove: () => Promise.reject(new Error('/secret/path')) }
    const { status, body } = await restic.send('DELETE', path)
    expect([status, body.toString()]).toEqual([500, 'Internal server error\n'])
  })
})
