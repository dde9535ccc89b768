import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { StorageError } from '../storage/storage.ts'
import { sha256, startRestic, type TestRestic } from './test-restic.ts'

let restic: TestRestic
beforeEach(async () => {
  restic = await startRestic()
})
afterEach(() => restic.close())

const files = (): string[] =>
  readdirSync(restic.folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /[0-9a-f]{64}|config/.test(name),
  )
const head = (path: string, ...headers: string[]) =>
  [`POST ${path} HTTP/1.1`, 'Host: x', ...headers, '', ''].join('\r\n')
const small = randomBytes(1000)
const large = randomBytes(1_000_000)
const pathOf = (bytes: Uint8Array, type = 'data') => `/r/${type}/${sha256(bytes)}`
const put = (body: Uint8Array, at = pathOf(body), headers = {}) =>
  restic.send('POST', at, { body, headers })

describe.each([
  ['small', small],
  ['large', large],
])('a %s upload', (_, bytes) => {
  test('again is 200 while its bytes are those, and mends what the disk has spoilt', async () => {
    expect((await put(bytes)).status).toBe(200)
    expect((await put(bytes)).status).toBe(200)
    expect(restic.events).toHaveLength(1)
    const at = join(restic.folder, files()[0] ?? '')
    writeFileSync(at, bytes.subarray(1))
    expect((await put(bytes)).status).toBe(200)
    expect(readFileSync(at).equals(bytes)).toBe(true)
    const wrong = await restic.send('POST', pathOf(bytes), { body: randomBytes(bytes.length) })
    expect(wrong.status).toBe(403)
    expect(readFileSync(at).equals(bytes)).toBe(true)
    expect(files()).toHaveLength(1)
  })

  test.each(['data', 'index', 'keys', 'locks', 'snapshots'])(
    'of %s must hash to its name',
    async (type) => {
      expect((await put(randomBytes(bytes.length), pathOf(bytes, type))).status).toBe(400)
      expect(files()).toEqual([])
      expect(restic.events).toEqual([{ act: 'failed-verification', type, bytes: 0 }])
    },
  )

  test('is taken unread where verification is off, and then not replaced', async () => {
    restic.policy = { verify: false }
    const other = randomBytes(bytes.length)
    expect((await put(other, pathOf(bytes))).status).toBe(200)
    expect((await put(other, pathOf(bytes))).status).toBe(200)
    expect((await put(bytes)).status).toBe(403)
    expect(readFileSync(join(restic.folder, files()[0] ?? '')).equals(other)).toBe(true)
  })

  test('without a length is taken, or asked for one', async () => {
    const chunked = { 'transfer-encoding': 'chunked' }
    restic.policy = { reserve: (_ref, size) => (size === undefined ? 'length-required' : 'full') }
    expect((await put(bytes, undefined, chunked)).status).toBe(411)
    expect((await put(bytes)).status).toBe(507)
    restic.policy = {}
    expect((await put(bytes, undefined, chunked)).status).toBe(200)
    expect(files()).toHaveLength(1)
  })

  test('that ends early leaves nothing', async () => {
    for (const cutAt of [0, 1, bytes.length >> 1, bytes.length - 1]) {
      const { socket, answer } = restic.raw()
      socket.write(head(pathOf(bytes), `Content-Length: ${bytes.length}`))
      socket.write(bytes.subarray(0, cutAt))
      await wait(20)
      socket.destroy()
      await answer
      await expect.poll(files).toEqual([])
    }
    const { socket, answer } = restic.raw()
    socket.write(head(pathOf(bytes), 'Transfer-Encoding: chunked'))
    socket.write(`${bytes.length.toString(16)}\r\n`)
    socket.write(bytes)
    await wait(20)
    socket.destroy()
    await answer
    await expect.poll(files).toEqual([])
    expect(restic.events).toEqual([])
  })

  test('stores nothing once the credential is revoked, also at the last byte', async () => {
    for (const gone of ['gone', false] as const) {
      let may: true | false | 'gone' = true
      restic.policy = { may: () => may }
      const { socket, answer } = restic.raw()
      socket.write(head(pathOf(bytes), `Content-Length: ${bytes.length}`, 'Connection: close'))
      socket.write(bytes.subarray(0, -1))
      await wait(50)
      may = gone
      socket.write(bytes.subarray(-1))
      expect(await answer).toMatch(gone === 'gone' ? /^HTTP\/1.1 401 / : /^HTTP\/1.1 403 /)
      expect(files()).toEqual([])
    }
  })

  test('ends where its room does, and gives back what it took', async () => {
    const settled: number[] = []
    let left = bytes.length - 1
    const reservation = {
      take: (count: number) => {
        left -= count
        if (left < 0) throw new StorageError('full', 'No room.')
      },
      settle: (stored: number) => void settled.push(stored),
    }
    restic.policy = { reserve: () => reservation }
    const chunked = { 'transfer-encoding': 'chunked' }
    expect((await put(bytes, undefined, chunked)).status).toBe(507)
    expect(files()).toEqual([])
    left = bytes.length
    expect((await put(bytes)).status).toBe(200)
    left = bytes.length
    expect((await put(bytes)).status).toBe(200)
    expect(settled).toEqual([0, bytes.length, 0])
  })

  test('twice at once is stored once, and both are told so', async () => {
    const statuses = await Promise.all(
      Array.from({ length: 8 }, async () => (await put(bytes)).status),
    )
    expect(statuses).toEqual(Array.from({ length: 8 }, () => 200))
    expect(files()).toHaveLength(1)
    expect(restic.events).toHaveLength(1)
  })

  test('begins when the server says so, to who asked', async () => {
    const wanted = [`Content-Length: ${bytes.length}`, 'Expect: 100-continue', 'Connection: close']
    restic.policy = { reserve: () => 'full' }
    const refused = restic.raw()
    refused.socket.write(head(pathOf(bytes), ...wanted))
    expect(await refused.answer).toMatch(/^HTTP\/1.1 507 /)
    restic.policy = {}
    const { socket, answer } = restic.raw()
    socket.once('data', () => socket.write(bytes))
    socket.write(head(pathOf(bytes), ...wanted))
    expect(await answer).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 /)
  })
})

describe('a refused upload', () => {
  test('is answered before its body, and the client reads that', async () => {
    restic.policy = { may: () => false }
    const { socket, answer } = restic.raw()
    socket.write(head(pathOf(large), 'Content-Length: 1000000000'))
    const flood = setInterval(() => socket.writable && socket.write(Buffer.alloc(65_536)), 2)
    expect(await answer).toMatch(/^HTTP\/1.1 403 [^]*Forbidden/)
    clearInterval(flood)
    expect(socket.bytesWritten).toBeLessThan(200_000_000)
  }, 10_000)

  test('of a config that is no config', async () => {
    const megabytes = await put(randomBytes(1_100_000), '/r/config')
    expect(megabytes.status).toBe(400)
    expect(files()).toEqual([])
  })
})

test('an upload cut at any byte leaves no object and no file', async () => {
  const bytes = randomBytes(300)
  const text = Buffer.concat([
    Buffer.from(head(pathOf(bytes), `Content-Length: ${bytes.length}`)),
    bytes,
  ])
  await Promise.all(
    Array.from({ length: text.length - 1 }, async (_, cutAt) => {
      const { socket, answer } = restic.raw()
      socket.end(text.subarray(0, cutAt + 1))
      await answer
    }),
  )
  expect(files()).toEqual([])
  expect(restic.events).toEqual([])
  expect((await put(bytes)).status).toBe(200)
})
