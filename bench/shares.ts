/**
 * A share of 100,000 nodes on a device that has never seen it: from a checkpoint, by replay from the first entry, and from
 * the state that the device keeps. The server is one in memory: what is measured is the members' side alone.
 */
import type { Transport, TransportResponse } from '@hearthold/client'
import { randomBytes, toHex } from '@hearthold/crypto'
import type { Attributes, Change } from '@hearthold/model'
import { unlock, type Unlocked } from '../packages/member/src/account/unlock.ts'
import { createShare, appendChanges } from '../packages/member/src/files/share-writer.ts'
import { openShare, type Share } from '../packages/member/src/files/share.ts'
import { listFolder, listFolderInSteps } from '../packages/member/src/files/tree.ts'
import { writeCheckpoint } from '../packages/member/src/files/write-checkpoint.ts'
import { settle } from '../packages/member/src/logs/afterwork.ts'
import { memoryHeads } from '../packages/member/src/logs/known-heads.ts'
import type { LogCache } from '../packages/member/src/logs/log-cache.ts'
import { MemoryServer } from '../packages/member/src/memory-server.oracle.ts'
import { signUp, testClient, type TestMember } from '../packages/member/src/test-member.oracle.ts'
import { type Figures, figuresOf, report } from './peers/statistics.ts'

const nodeCount = 100_000
const perFolder = 50
const batch = 1000
const rounds = 5
const lineBytesPerSecond = 20_000_000 / 8
const roundTripMs = 20

const newId = (): string => toHex(randomBytes(16))
const area = 'shares'

type Planned = { readonly change: Change; readonly attributes: Attributes }

/** Photos in folders of fifty, with times, sizes and names as cameras give them. `flat`: all in one folder. */
function* plan(root: string, flat: boolean): Generator<Planned> {
  let parent = root
  for (let i = 0; i < nodeCount; i++) {
    if (!flat && i % perFolder === 0) {
      parent = newId()
      const attributes = { name: `Holiday ${i / perFolder}` }
      yield { change: { op: 'add-folder', node: parent, parent: root }, attributes }
      continue
    }
    const plain = 100_000 + Math.floor(Math.random() * 6_000_000)
    const content = { key: randomBytes(32), commitment: randomBytes(32), sizeBytes: plain }
    const modifiedAt = 1_500_000_000_000 + i * 40_000 + Math.floor(Math.random() * 40_000)
    const attributes = { name: `IMG_${100_000 + i}.jpg`, modifiedAt, mode: 0o644, content }
    const object = newId()
    const change = {
      op: 'add-file',
      node: newId(),
      parent,
      object,
      sizeBytes: plain + 700,
    } as const
    yield { change, attributes }
  }
}

const fill = async (server: MemoryServer, share: Share, flat: boolean): Promise<void> => {
  const stored = new Uint8Array(28)
  const planned = [...plan(share.log, flat)]
  for (let at = 0; at < planned.length; at += batch) {
    const part = planned.slice(at, at + batch)
    for (const { change } of part) {
      if ('object' in change) server.logs.objects.set(change.object, stored)
    }
    await appendChanges(share, () => ({
      changes: part.map(({ change }) => change),
      attributes: part.map(({ attributes }) => attributes),
    }))
  }
}

/** A line of 20 Mbit/s and 20 ms; every answer waits until its last byte would have come. */
const slowLine = (base: Transport): Transport => {
  let freeAt = 0
  const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
  const take = async (bytes: number): Promise<void> => {
    const now = performance.now()
    freeAt = Math.max(now, freeAt) + (bytes / lineBytesPerSecond) * 1000
    await sleep(freeAt - now)
  }
  const slow = (response: TransportResponse): TransportResponse => ({
    ...response,
    body: (async function* () {
      for await (const chunk of response.body) {
        await take(chunk.length)
        yield chunk
      }
    })(),
    bytes: async (limit) => {
      const bytes = await response.bytes(limit)
      await take(bytes.length)
      return bytes
    },
  })
  return {
    streamsBodies: base.streamsBodies,
    request: async (request) => {
      await sleep(roundTripMs)
      return slow(await base.request(request))
    },
  }
}

const memoryCache = (): LogCache => {
  const kept = new Map<string, Uint8Array>()
  return {
    load: (log) => Promise.resolve(kept.get(log)),
    save: (log, sealed) => Promise.resolve(void kept.set(log, sealed)),
  }
}

/** The same person on a device that remembers nothing but what is in the cache. */
const freshDevice = (
  ada: TestMember,
  transport: Transport,
  cache?: LogCache,
): Promise<Unlocked> => {
  const { client, setToken } = testClient(transport)
  setToken(ada.created.token!)
  const context = { client, heads: memoryHeads(), ...(cache ? { cache } : {}) }
  // Without a device key, so that it writes nothing while the next one is measured.
  return unlock(context, ada.created, ada.created.unlockBy)
}

type Cost = { readonly ms: number; readonly cpuMs: number }

const costOf = async (work: () => Promise<unknown>): Promise<Cost> => {
  const cpu = process.cpuUsage()
  const started = performance.now()
  await work()
  const ms = performance.now() - started
  const { user, system } = process.cpuUsage(cpu)
  return { ms, cpuMs: (user + system) / 1000 }
}

const costs = async (prepare: () => Promise<() => Promise<unknown>>): Promise<Cost[]> => {
  const found: Cost[] = []
  for (let round = 0; round <= rounds; round++) {
    const work = await prepare()
    const cost = await costOf(work)
    // The first round warms the compiler.
    if (round > 0) found.push(cost)
  }
  return found
}

const figures = (list: readonly Cost[]): { ms: Figures; cpuMs: Figures } => ({
  ms: figuresOf(list.map(({ ms }) => ms)),
  cpuMs: figuresOf(list.map(({ cpuMs }) => cpuMs)),
})

const onSlowLine = async (server: MemoryServer, ada: TestMember, log: string): Promise<void> => {
  const trees: number[] = []
  const wholes: number[] = []
  for (let round = 0; round < rounds; round++) {
    const member = await freshDevice(ada, slowLine(server.transport()))
    const started = performance.now()
    await openShare(member, log, { onTree: () => trees.push(performance.now() - started) })
    wholes.push(performance.now() - started)
  }
  const what = 'fresh device, from a checkpoint, 20 Mbit/s and 20 ms'
  report({ area, what, treeMs: figuresOf(trees), wholeMs: figuresOf(wholes), barTreeMs: 3000 })
}

const lists = async (): Promise<void> => {
  const server = new MemoryServer()
  const ada = await signUp(server)
  const { view } = await (async () => {
    const share = await createShare(ada.member, 'one folder')
    await fill(server, share, true)
    return share
  })()
  const whole = await costs(() => Promise.resolve(async () => listFolder(view, view.root)))
  report({ area, what: `list a folder of ${nodeCount} at once`, ...figures(whole) })
  const blocked: number[] = []
  const inSteps = await costs(() =>
    Promise.resolve(async () => {
      let longest = 0
      let last = performance.now()
      const timer = setInterval(() => {
        longest = Math.max(longest, performance.now() - last)
        last = performance.now()
      }, 1)
      await listFolderInSteps(view, view.root)
      clearInterval(timer)
      blocked.push(Math.max(longest, performance.now() - last))
    }),
  )
  const longestBlockMs = figuresOf(blocked.slice(1))
  report({
    area,
    what: `list a folder of ${nodeCount} in steps`,
    ...figures(inSteps),
    longestBlockMs,
  })
}

export const run = async (): Promise<void> => {
  const server = new MemoryServer()
  const ada = await signUp(server)
  const share = await createShare(ada.member, 'bench')
  await fill(server, share, false)
  const { log } = share
  const transport = server.transport()
  // What it would leave on its own would be there at some time during the rounds.
  await settle(ada.member, 600_000)
  server.kept.checkpoints.clear()

  const replay = await costs(async () => {
    const member = await freshDevice(ada, transport)
    return () => openShare(member, log)
  })
  report({
    area,
    what: 'fresh device, replay from 1',
    nodes: nodeCount,
    ...figures(replay),
    barMs: 1000,
  })

  const written = await costOf(() => writeCheckpoint(share))
  const { tree, keys } = server.kept.checkpoints.get(log)!
  const bytes = (object: string): number => server.logs.objects.get(object)!.length
  report({
    area,
    what: 'checkpoint',
    treeBytes: bytes(tree),
    keysBytes: bytes(keys),
    barTreeBytes: 3_500_000,
    writeMs: Math.round(written.ms),
    writeCpuMs: Math.round(written.cpuMs),
  })

  const checkpoint = await costs(async () => {
    const member = await freshDevice(ada, transport)
    return () => openShare(member, log)
  })
  report({
    area,
    what: 'fresh device, from a checkpoint',
    nodes: nodeCount,
    ...figures(checkpoint),
  })
  await onSlowLine(server, ada, log)

  const cache = memoryCache()
  await openShare(await freshDevice(ada, transport, cache), log)
  const kept = await costs(async () => {
    const member = await freshDevice(ada, transport, cache)
    return () => openShare(member, log)
  })
  report({
    area,
    what: 'from the state kept here',
    nodes: nodeCount,
    ...figures(kept),
    barCpuMs: 500,
  })
  await lists()
}
