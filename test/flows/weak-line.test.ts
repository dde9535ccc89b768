/** A line that breaks after any number of bytes, on either way: nothing is lost, doubled or wrong afterwards. */
import { createClient } from '@hearthold/client'
import {
  createShare,
  getTree,
  type LocalItem,
  makeFolder,
  memoryHeads,
  openShare,
  putTree,
  type ResumeStore,
  type Share,
  type TreeSink,
  unlock,
} from '@hearthold/member'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type NodeTransport, nodeTransport } from '../../apps/cli/src/transport/node-transport.ts'
import { type FlowServer, type Person, startFlowServer } from './flow-server.ts'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'

let server: FlowServer
let ada: Person
let line: TcpProxy
let transport: NodeTransport
let share: Share
beforeAll(async () => {
  server = await startFlowServer()
  ada = await server.host()
  line = await startTcpProxy(() => Number(new URL(server.origin).port))
  transport = nodeTransport({ origin: line.origin })
  const { log } = await createShare(ada.member, 'weak line')
  share = await openWeak(log)
})
afterAll(async () => {
  transport.close()
  await line.stop()
  await server.stop()
})

/** The share as a device sees it whose every byte goes over the weak line. */
const openWeak = async (log: string): Promise<Share> => {
  const { created } = ada
  const client = createClient({
    transport,
    token: () => created.token,
    waiting: { sleep: () => new Promise((done) => setTimeout(done, 5)), random: () => 0 },
  })
  const context = { client, heads: memoryHeads() }
  const member = await unlock(context, created, created.unlockBy, created.device)
  return openShare(member, log)
}

const large = randomBytes(1_400_000)
const small = [randomBytes(10), randomBytes(5000), randomBytes(60_000)]
async function* tree(): AsyncGenerator<LocalItem> {
  const file = (path: string, bytes: Uint8Array): LocalItem => ({
    kind: 'file',
    path,
    size: bytes.length,
    modifiedAt: 1_700_000_000_000,
    open: async function* (offset) {
      for (let at = offset; at < bytes.length; at += 65_536)
        yield bytes.subarray(at, Math.min(at + 65_536, bytes.length))
    },
  })
  for (const [i, bytes] of small.entries()) yield file(`small ${i}`, bytes)
  yield file('large', large)
}

const resumeStore = (): ResumeStore => {
  const records = new Map<string, Uint8Array>()
  return {
    find: (key) => Promise.resolve(records.get(key)),
    put: (key, bytes) => Promise.resolve(void records.set(key, bytes)),
    remove: (key) => Promise.resolve(void records.delete(key)),
  }
}

const collect = () => {
  const files = new Map<string, Buffer>()
  const sink: TreeSink = {
    folder: () => Promise.resolve(),
    link: () => Promise.resolve(),
    file: (path) => {
      const parts: Uint8Array[] = []
      return Promise.resolve({
        write: (bytes) => Promise.resolve(void parts.push(bytes.slice())),
        close: () => Promise.resolve(void files.set(path, Buffer.concat(parts))),
        abort: () => Promise.resolve(),
      })
    },
  }
  return { sink, files }
}

/** Runs until it comes to an end: what a person does who tries again. */
const untilDone = async (work: () => Promise<unknown>): Promise<void> => {
  for (let attempt = 1; ; attempt++) {
    try {
      await work()
      return
    } catch (error) {
      if (attempt === 5 || (error as Error).name !== 'NetworkError') throw error
    }
  }
}

const expectWhole = async (one: Share, path: string): Promise<void> => {
  const { sink, files } = collect()
  expect((await getTree(one, [path], sink)).failed).toEqual([])
  const top = path.slice(1)
  expect([...files.keys()].toSorted()).toEqual(
    ['large', 'small 0', 'small 1', 'small 2'].map((name) => `${top}/${name}`),
  )
  expect(files.get(`${top}/large`)!.equals(large)).toBe(true)
  for (const [i, bytes] of small.entries())
    expect(files.get(`${top}/small ${i}`)!.equals(bytes)).toBe(true)
}

const offsets = [1, 100, 400, 2_000, 30_000, 66_000, 70_000, 262_000, 262_600, 600_000, 1_300_000]

describe('a line that breaks', () => {
  it.each(offsets)(
    'after %i bytes to the server: what was put is there once and whole',
    async (bytes) => {
      const path = `/up ${bytes}`
      const resume = resumeStore()
      line.plan({ toServer: bytes })
      const before = line.cuts
      await untilDone(() => putTree(share, tree(), path, { resume }))
      line.plan(undefined)
      expect(line.cuts).toBe(before + 1)
      await expectWhole(await openShare(ada.member, share.log), path)
    },
  )

  it.each([1, 50, 150, 300, 700])(
    'after %i bytes to the client, while it puts: the same',
    async (bytes) => {
      const path = `/answer ${bytes}`
      line.plan({ toClient: bytes })
      const before = line.cuts
      await untilDone(() => putTree(share, tree(), path, { resume: resumeStore() }))
      line.plan(undefined)
      expect(line.cuts).toBe(before + 1)
      await expectWhole(await openShare(ada.member, share.log), path)
    },
  )

  it.each(offsets)(
    'after %i bytes to the client, while it gets: all comes, byte for byte',
    async (bytes) => {
      line.plan({ toClient: bytes })
      const before = line.cuts
      await untilDone(() => expectWhole(share, '/up 1'))
      line.plan(undefined)
      expect(line.cuts).toBe(before + 1)
    },
  )

  it('at every place of one append and its answer: the change is made once', async () => {
    for (let bytes = 1; bytes < 1200; bytes += 90) {
      line.plan({ toServer: bytes })
      await untilDone(() => makeFolder(share, `/folder up ${bytes}`))
      line.plan({ toClient: bytes })
      await untilDone(() => makeFolder(share, `/folder down ${bytes}`))
      line.plan(undefined)
    }
    const honest = await openShare(ada.member, share.log)
    const names = [...honest.view.nodes.values()].map(({ name }) => name!)
    const made = names.filter((name) => name.startsWith('folder '))
    expect(made).toHaveLength(28)
    expect(new Set(made).size).toBe(28)
    expect(honest.replica.refused).toEqual([])
  })
})
