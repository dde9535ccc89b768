import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { NetworkError } from '@hearthold/client'
import { getUsage } from '@hearthold/contract'
import {
  createShare,
  emptyTrash,
  enrolDevice,
  exportShareKeys,
  findPath,
  getTree,
  listFolder,
  openShare,
  putTree,
  type ResumeStore,
  trashItems,
} from '@hearthold/member'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { digestOf, diskSink, temporaryFolder, walkDisk } from './disk-tree.ts'
import { type FlowServer, type Person, signInElsewhere, startFlowServer } from './flow-server.ts'

let server: FlowServer
let host: Person
beforeAll(async () => {
  server = await startFlowServer()
  host = await server.host()
})
afterAll(() => server.stop())

let count = 0
let ada: Person
let source = ''
let target = ''
beforeEach(async () => {
  ada = await server.invited(host, `member ${++count}`)
  source = temporaryFolder()
  target = temporaryFolder()
})
afterEach(() => {
  rmSync(source, { recursive: true, force: true })
  rmSync(target, { recursive: true, force: true })
})

const write = (path: string, bytes: number): void => {
  mkdirSync(join(source, path, '..'), { recursive: true })
  writeFileSync(join(source, path), randomBytes(bytes))
}

const oddNames = [
  '😀🏳️‍🌈.txt',
  'שלום עולם',
  'ملف.txt',
  'e\u0301 decomposed',
  '\u00e9 composed',
  `${'n'.repeat(251)}.bin`,
  'ä'.repeat(127),
  ' leading and trailing ',
  '-rf',
  'CON',
  'a\\b:c*d?"<>|',
  'new\nline\tand tab',
  '\u202egnp.exe',
  '...',
  '.hidden',
]

describe('files at a real server', () => {
  it('come back byte for byte, with every odd name', async () => {
    for (const [i, name] of oddNames.entries()) write(`odd/${name}`, i)
    write('zero', 0)
    write('segments/exactly-one', 262_144)
    write('segments/one-and-a-byte', 262_145)
    write('segments/bundle-limit', 1_048_576 - 28 * 4)
    write('segments/beyond-bundle', 1_048_576)
    write('segments/many', 5_000_001)
    writeFileSync(join(source, 'sparse'), '')
    truncateSync(join(source, 'sparse'), 3_000_000)
    mkdirSync(join(source, 'empty/in/empty'), { recursive: true })
    symlinkSync('../nowhere', join(source, 'dangling'))
    const share = await createShare(ada.member, 'all')
    const report = await putTree(share, walkDisk(source), '/')
    expect(report.skipped).toEqual([])
    const { member } = await signInElsewhere(server, ada)
    const theirs = await openShare(member, share.log)
    const got = await getTree(theirs, ['/'], diskSink(target))
    expect(got.failed).toEqual([])
    expect(got.files).toBe(report.files)
    expect(digestOf(target)).toEqual(digestOf(source))
    expect(exportShareKeys(theirs)).toHaveLength(report.files)
    expect(theirs.replica.refused).toEqual([])
  })

  it('are many, and a second put sends nothing', async () => {
    for (let i = 0; i < 1500; i++) write(`d${i % 7}/f${i}`, 100)
    const share = await createShare(ada.member, 'many')
    expect(await putTree(share, walkDisk(source), '/deep/target')).toMatchObject({ files: 1500 })
    const seq = share.replica.position.seq
    expect(await putTree(share, walkDisk(source), '/deep/target')).toMatchObject({
      files: 0,
      unchanged: 1500,
    })
    expect(share.replica.position.seq).toBe(seq)
    await getTree(share, ['/deep/target'], diskSink(target))
    expect(digestOf(join(target, 'target'))).toEqual(digestOf(source))
  })

  it('go on after the connection was cut in the middle of a large one', async () => {
    write('large', 30_000_000)
    const records = new Map<string, Uint8Array>()
    const resume: ResumeStore = {
      find: (key) => Promise.resolve(records.get(key)),
      put: (key, bytes) => Promise.resolve(void records.set(key, bytes)),
      remove: (key) => Promise.resolve(void records.delete(key)),
    }
    const share = await createShare(ada.member, 'cut')
    let sent = 0
    ada.device.network = (next) => (request) => {
      if (request.method === 'GET' && request.url.startsWith('/api/uploads'))
        throw new NetworkError('refused', 'gone')
      if (request.method !== 'PATCH') return next(request)
      const body = request.body as AsyncIterable<Uint8Array>
      const cut = (async function* () {
        for await (const chunk of body) {
          sent += chunk.length
          if (sent > 12_000_000) throw new NetworkError('dropped', 'cut')
          yield chunk
        }
      })()
      return next({ ...request, body: cut })
    }
    await expect(putTree(share, walkDisk(source), '/', { resume })).rejects.toMatchObject({
      name: 'NetworkError',
    })
    expect(records.size).toBe(1)
    let again = 0
    ada.device.network = (next) => (request) => {
      if (request.method === 'PATCH') again += request.bodyLength ?? 0
      return next(request)
    }
    expect(await putTree(share, walkDisk(source), '/', { resume })).toMatchObject({ files: 1 })
    expect(again).toBeGreaterThan(0)
    expect(again).toBeLessThan(30_000_000)
    expect(records.size).toBe(0)
    await getTree(share, ['/'], diskSink(target))
    expect(digestOf(target)).toEqual(digestOf(source))
  })

  it('download through a line that breaks all the time', async () => {
    write('large', 9_000_000)
    const share = await createShare(ada.member, 'weak line')
    await putTree(share, walkDisk(source), '/')
    let cuts = 0
    ada.device.network = (next) => async (request) => {
      const response = await next(request)
      if (!request.url.startsWith('/api/objects/') || request.method !== 'GET' || cuts >= 5)
        return response
      cuts++
      const body = (async function* () {
        let passed = 0
        for await (const chunk of response.body) {
          passed += chunk.length
          yield chunk
          if (passed > 1_000_000) throw new NetworkError('dropped', 'cut')
        }
      })()
      return {
        ...response,
        headers: response.headers,
        status: response.status,
        body,
        discard: () => response.discard(),
      }
    }
    expect((await getTree(share, ['/'], diskSink(target))).failed).toEqual([])
    expect(cuts).toBe(5)
    expect(digestOf(target)).toEqual(digestOf(source))
  })

  it('survive two devices that write at once', async () => {
    for (let i = 0; i < 60; i++) write(`f${i}`, 200)
    const share = await createShare(ada.member, 'both')
    const { member } = await signInElsewhere(server, ada)
    await enrolDevice(member, 'second')
    const theirs = await openShare(member, share.log)
    await Promise.all([
      ...[0, 1, 2, 3].map((n) => putTree(share, walkDisk(source), `/first/${n}`)),
      ...[0, 1, 2, 3].map((n) => putTree(theirs, walkDisk(source), `/second/${n}`)),
    ])
    await share.replica.sync()
    await theirs.replica.sync()
    expect(share.view.nodes).toEqual(theirs.view.nodes)
    expect(share.replica.refused).toEqual([])
    const files = [...share.view.nodes.values()].filter(({ kind }) => kind === 'file')
    expect(files).toHaveLength(480)
  })

  it('stop at a full quota with what was stored, and go on once there is room', async () => {
    for (let i = 0; i < 30; i++) write(`f${i}`, 300_000)
    const share = await createShare(ada.member, 'full')
    await server.setQuota(host, ada.created.account, 5_000_000)
    await expect(putTree(share, walkDisk(source), '/')).rejects.toMatchObject({
      code: 'over_quota',
    })
    const stored = listFolder(share.view, share.view.root).length
    expect(stored).toBeLessThan(30)
    await server.setQuota(host, ada.created.account, null)
    const report = await putTree(share, walkDisk(source), '/')
    expect(report.files + report.unchanged).toBe(30)
    await getTree(share, ['/'], diskSink(target))
    expect(digestOf(target)).toEqual(digestOf(source))
  })

  it('give their quota back when the trash is emptied', async () => {
    write('big', 2_000_000)
    write('small', 1000)
    const share = await createShare(ada.member, 'bin')
    const used = async () => (await ada.device.client.call(getUsage)).usedBytes
    const before = await used()
    await putTree(share, walkDisk(source), '/')
    expect(await used()).toBeGreaterThan(before + 2_000_000)
    await trashItems(share, ['/big', '/small'])
    expect(findPath(share.view, '/big')).toBeUndefined()
    expect(await emptyTrash(share)).toBe(2)
    expect(await used()).toBeLessThan(before + 100_000)
  })
})
