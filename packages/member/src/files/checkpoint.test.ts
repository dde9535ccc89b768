/** Checkpoints between a member's devices, over a server in memory; what a hostile one makes of them is test/hostile-server. */
import {
  checkpointObjectKey,
  fromB64,
  fromHex,
  type IntegrityError,
  randomBytes,
  sealObject,
  toB64,
  toHex,
} from '@hearthold/crypto'
import { type Change, encodeShareView, type ShareView } from '@hearthold/model'
import { beforeEach, describe, expect, it } from 'vitest'
import { enrolDevice, forgetDevice, revokeDevice } from '../account/devices.ts'
import { unlock, type Unlocked } from '../account/unlock.ts'
import { settle } from '../logs/afterwork.ts'
import { deflate } from '../logs/compression.ts'
import { memoryHeads } from '../logs/known-heads.ts'
import type { LogCache } from '../logs/log-cache.ts'
import { encodeShareState } from '../logs/share-state.ts'
import { MemoryServer } from '../memory-server.oracle.ts'
import { signUp, type TestMember } from '../test-member.oracle.ts'
import { makeFolder } from './changes.ts'
import { appendChanges, createShare } from './share-writer.ts'
import { openShare, type OpenOptions, type Share } from './share.ts'
import { writeCheckpoint } from './write-checkpoint.ts'

const newId = (): string => toHex(randomBytes(16))

const memoryCache = (): LogCache & { readonly kept: Map<string, Uint8Array> } => {
  const kept = new Map<string, Uint8Array>()
  return {
    kept,
    load: (log) => Promise.resolve(kept.get(log)),
    save: (log, sealed) => Promise.resolve(void kept.set(log, sealed)),
  }
}

let server: MemoryServer
let ada: TestMember
let share: Share
let lies: [string, string][]

beforeEach(async () => {
  server = new MemoryServer()
  ada = await signUp(server)
  share = await createShare(ada.member, 'docs')
  lies = []
})

const elsewhere = (cache?: LogCache, heads = memoryHeads()): Promise<Unlocked> => {
  const distrusted = (log: string, error: IntegrityError): void => void lies.push([log, error.code])
  const context = { ...ada.context, heads, distrusted, ...(cache ? { cache } : {}) }
  return unlock(context, ada.created, ada.created.unlockBy, ada.created.device)
}

/** A device that has seen nothing; the requests that it made for the share. */
const openFresh = async (options?: OpenOptions) => {
  const member = await elsewhere()
  const before = server.calls.length
  const opened = await openShare(member, share.log, options)
  return { opened, calls: server.calls.slice(before) }
}

/** Files with versions, some without a time, spread over folders. */
const addFiles = async (to: Share, count: number): Promise<void> => {
  const object = newId()
  server.logs.objects.set(object, randomBytes(28))
  await appendChanges(to, () => {
    const changes: Change[] = []
    for (let i = 0; i < count; i++) {
      changes.push({ op: 'add-file', node: newId(), parent: to.log, object, sizeBytes: 28 })
    }
    const content = { key: randomBytes(32), commitment: randomBytes(32), sizeBytes: 0 }
    const attributes = changes.map((_, i) => ({ name: `file ${i} ä`, modifiedAt: i, content }))
    return { changes, attributes }
  })
}

const sameView = (one: ShareView, other: ShareView): void =>
  expect(encodeShareView(one)).toEqual(encodeShareView(other))

const stored = () => server.kept.checkpoints.get(share.log)!
const flip = (bytes: Uint8Array, at: number): Uint8Array => {
  const copy = bytes.slice()
  copy[at]! ^= 1
  return copy
}

describe('a checkpoint', () => {
  it('is written once the tail is long, after the act, and once', async () => {
    await addFiles(share, 900)
    await settle(ada.member)
    expect(server.kept.checkpoints.size).toBe(0)
    await addFiles(share, 200)
    expect(server.kept.checkpoints.size).toBe(0)
    await settle(ada.member)
    expect(stored().seq).toBe(3)
    await makeFolder(share, '/x')
    await settle(ada.member)
    expect(stored().seq).toBe(3)
    expect(server.calls.filter((name) => name === 'putCheckpoint')).toHaveLength(1)
  })

  it('saves a fresh device the replay: the same view, by the tail alone, and it writes on', async () => {
    await addFiles(share, 500)
    await makeFolder(share, '/a')
    await writeCheckpoint(share)
    await makeFolder(share, '/b')
    server.logs.logs.get(share.log)!.entries.forEach((entry, i, all) => {
      // What the checkpoint stands for is not asked for any more.
      if (i < 3) all[i] = { ...entry, body: randomBytes(50) }
    })
    const { opened, calls } = await openFresh()
    sameView(opened.view, share.view)
    expect(opened.replica.position).toEqual(share.replica.position)
    expect(calls.filter((name) => name === 'getObject')).toHaveLength(2)
    expect(lies).toEqual([])
    await makeFolder(opened, '/c')
    await share.replica.sync()
    sameView(opened.view, share.view)
  })

  it('shows its tree before the keys are there, in the view that they are added to', async () => {
    await addFiles(share, 3)
    await writeCheckpoint(share)
    const seen: { view: ShareView; versions: number }[] = []
    const count = (view: ShareView): number =>
      [...view.nodes.values()].reduce((sum, { versions }) => sum + versions.length, 0)
    const { opened } = await openFresh({
      onTree: (view) => seen.push({ view, versions: count(view) }),
    })
    expect(seen).toHaveLength(1)
    expect(seen[0]!.versions).toBe(0)
    expect(seen[0]!.view).toBe(opened.view)
    expect(count(opened.view)).toBe(3)
  })

  it('is kept on the device that opened it: the next run asks for the tail alone', async () => {
    await addFiles(share, 300)
    await writeCheckpoint(share)
    const cache = memoryCache()
    await openShare(await elsewhere(cache), share.log)
    const before = server.calls.length
    const opened = await openShare(await elsewhere(cache), share.log)
    sameView(opened.view, share.view)
    expect(server.calls.slice(before)).not.toContain('getCheckpoint')
    expect(opened.tail).toEqual({ seq: 2, changes: 0, basis: opened.replica.position.gov })
  })

  it('from before a revocation is not believed, nor what was kept of it: the log is replayed', async () => {
    await makeFolder(share, '/a')
    const bad = await elsewhere()
    const { id } = await enrolDevice(bad, 'bad hands')
    const theirs = await openShare(bad, share.log)
    // A wrong view, rightly signed; another device takes it, keeps it, and writes its own on it.
    theirs.view.nodes.values().next().value!.name = 'made up'
    await writeCheckpoint(theirs)
    const cache = memoryCache()
    const misled = await openShare(await elsewhere(cache), share.log)
    expect([...misled.view.nodes.values()].map(({ name }) => name)).toEqual(['made up'])
    await makeFolder(misled, '/b')
    await writeCheckpoint(misled)
    await revokeDevice(ada.member, id)
    for (const kept of [memoryCache(), cache]) {
      const opened = await openShare(await elsewhere(kept), share.log)
      expect([...opened.view.nodes.values()].map(({ name }) => name)).toEqual(['a', 'b'])
    }
    // The misled device writes no other one, however long its tail.
    await addFiles(misled, 1000)
    await addFiles(misled, 500)
    await settle(misled.member)
    expect(stored().seq).toBe(3)
    await share.replica.sync()
    await writeCheckpoint(share)
    const { opened, calls } = await openFresh()
    sameView(opened.view, share.view)
    expect(calls).toContain('getObject')
    expect(lies).toEqual([])
  })

  it('by a device that was retired since is left alone, without a word', async () => {
    const other = await elsewhere()
    const { id } = await enrolDevice(other, 'short visit')
    const theirs = await openShare(other, share.log)
    await makeFolder(theirs, '/a')
    await writeCheckpoint(theirs)
    await share.replica.sync()
    await forgetDevice(ada.member, id)
    const { opened, calls } = await openFresh()
    sameView(opened.view, share.view)
    expect(calls).not.toContain('getObject')
    expect(lies).toEqual([])
  })

  it('that another device wrote meanwhile is not written again', async () => {
    await addFiles(share, 1000)
    const other = await openShare(await elsewhere(), share.log)
    await addFiles(share, 200)
    await other.replica.sync()
    await writeCheckpoint(other)
    await settle(ada.member)
    expect(server.calls.filter((name) => name === 'putCheckpoint')).toHaveLength(1)
    expect(share.tail.seq).toBe(3)
  })

  it('fails nothing where it cannot be written', async () => {
    await addFiles(share, 1000)
    server.objects.quotaBytes = 0
    await addFiles(share, 200)
    await settle(ada.member)
    expect(server.kept.checkpoints.size).toBe(0)
    sameView((await openFresh()).opened.view, share.view)
  })

  const damages: [string, string, () => void][] = [
    [
      'a changed tree part',
      'object_segment',
      () => {
        const { objects } = server.logs
        objects.set(stored().tree, flip(objects.get(stored().tree)!, 40))
      },
    ],
    [
      'a changed keys part',
      'object_segment',
      () => {
        const { objects } = server.logs
        objects.set(stored().keys, flip(objects.get(stored().keys)!, 40))
      },
    ],
    [
      'exchanged parts',
      'object_segment',
      () => {
        const { objects } = server.logs
        const [tree, keys] = [objects.get(stored().tree)!, objects.get(stored().keys)!]
        objects.set(stored().tree, keys).set(stored().keys, tree)
      },
    ],
    [
      'a cut header',
      'malformed',
      () => {
        const header = toB64(fromB64(stored().header).slice(1))
        server.kept.checkpoints.set(share.log, { ...stored(), header })
      },
    ],
    [
      'a changed header',
      'checkpoint',
      () => {
        const header = toB64(flip(fromB64(stored().header), 225))
        server.kept.checkpoints.set(share.log, { ...stored(), header })
      },
    ],
    [
      'another signature',
      'checkpoint',
      () =>
        server.kept.checkpoints.set(share.log, { ...stored(), signature: toHex(randomBytes(64)) }),
    ],
    [
      'another number than signed',
      'checkpoint',
      () => server.kept.checkpoints.set(share.log, { ...stored(), seq: 1 }),
    ],
    [
      'an unknown device',
      'checkpoint',
      () => {
        const bytes = fromB64(stored().header)
        bytes.set(fromHex(newId()), 146)
        server.kept.checkpoints.set(share.log, { ...stored(), header: toB64(bytes) })
      },
    ],
  ]
  it.each(damages)(
    'with %s is refused and named; the replay shows the truth',
    async (_, code, damage) => {
      await addFiles(share, 5)
      await writeCheckpoint(share)
      await makeFolder(share, '/after')
      damage()
      const { opened } = await openFresh()
      sameView(opened.view, share.view)
      expect(lies).toEqual([[share.log, code]])
    },
  )

  /** By who knows the log's key, as a revoked device does: sealed under the very ids that the header signs. */
  it.each([
    ['tree', 'checkpoint'],
    ['keys', 'malformed'],
  ] as const)('whose %s part was made anew is refused by its code', async (part, code) => {
    await addFiles(share, 5)
    const older = await share.replica.snapshot(encodeShareState)
    await addFiles(share, 5)
    await writeCheckpoint(share)
    const object = fromHex(stored()[part])
    const key = checkpointObjectKey(await share.keys.open(share.view.epochs.get(1)!), object)
    const forged = await sealObject(key, object, await deflate(older[part]))
    server.logs.objects.set(stored()[part], forged)
    sameView((await openFresh()).opened.view, share.view)
    expect(lies).toEqual([[share.log, code]])
  })

  it('of another share is refused', async () => {
    const other = await createShare(ada.member, 'other')
    await writeCheckpoint(other)
    server.kept.checkpoints.set(share.log, server.kept.checkpoints.get(other.log)!)
    sameView((await openFresh()).opened.view, share.view)
    expect(lies).toEqual([[share.log, 'checkpoint']])
  })

  it('whose parts are gone is passed over', async () => {
    await writeCheckpoint(share)
    server.logs.objects.delete(stored().keys)
    sameView((await openFresh()).opened.view, share.view)
    expect(lies).toEqual([])
  })

  const rollBack = (length: number): void => {
    const log = server.logs.logs.get(share.log)!
    log.entries = log.entries.slice(0, length)
    log.chain = share.replica.chainAt(length)!
  }

  it('shows a rollback to a device that has seen nothing: its signed number is behind nobody', async () => {
    await makeFolder(share, '/a')
    await makeFolder(share, '/b')
    await writeCheckpoint(share)
    rollBack(2)
    await expect(openFresh()).rejects.toMatchObject({ code: 'log_rolled_back' })
    // Also where the parts are damaged, so that the log is replayed.
    server.logs.objects.set(stored().tree, randomBytes(60))
    await expect(openFresh()).rejects.toMatchObject({ code: 'log_rolled_back' })
  })

  it('that is old is caught by what this device has seen', async () => {
    await makeFolder(share, '/a')
    await writeCheckpoint(share)
    const heads = memoryHeads()
    await makeFolder(share, '/b')
    await openShare(await elsewhere(undefined, heads), share.log)
    rollBack(2)
    const opened = openShare(await elsewhere(undefined, heads), share.log)
    await expect(opened).rejects.toMatchObject({ code: 'log_rolled_back' })
  })

  it('of another history than this device has seen is refused', async () => {
    await makeFolder(share, '/a')
    await makeFolder(share, '/b')
    await writeCheckpoint(share)
    const heads = memoryHeads()
    await heads.put(share.log, { seq: 2, chain: toHex(randomBytes(32)), at: 1 })
    const opened = openShare(await elsewhere(undefined, heads), share.log)
    await expect(opened).rejects.toMatchObject({ code: 'log_rolled_back' })
    const honest = memoryHeads()
    await honest.put(share.log, { seq: 2, chain: toHex(share.replica.chainAt(2)!), at: 1 })
    sameView((await openShare(await elsewhere(undefined, honest), share.log)).view, share.view)
  })
})
