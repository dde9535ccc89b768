import { NetworkError } from '@hearthold/client'
import { randomBytes, sha256, toHex } from '@hearthold/crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import type { LogCache } from '../logs/log-cache.ts'
import { MemoryServer } from '../memory-server.oracle.ts'
import { signUp, type TestMember } from '../test-member.oracle.ts'
import {
  copyItem,
  emptyTrash,
  erasePaths,
  listTrash,
  listVersions,
  makeFolder,
  moveItem,
  restoreItems,
  trashItems,
} from './changes.ts'
import { getTree, type TreeSink } from './get-tree.ts'
import { decryptObject, exportShareKeys } from './keys-export.ts'
import type { LocalFile, LocalItem } from './local-item.ts'
import { putTree } from './put-tree.ts'
import type { ResumeStore } from './resume.ts'
import { createShare, renameShare } from './share-writer.ts'
import { findShare, keepShare, listShares, openShare, type Share } from './share.ts'
import { findPath, listFolder } from './tree.ts'

const file = (path: string, bytes: Uint8Array, modifiedAt = 1_700_000_000_123): LocalFile => ({
  kind: 'file',
  path,
  size: bytes.length,
  modifiedAt,
  mode: 0o644,
  open: async function* (offset) {
    for (let at = offset; at < bytes.length; at += 1_000_000)
      yield bytes.subarray(at, Math.min(at + 1_000_000, bytes.length))
  },
})

async function* items(...list: readonly LocalItem[]) {
  yield* list
}

const memorySink = () => {
  const files = new Map<string, string>()
  const sizes = new Map<string, number>()
  const folders: string[] = []
  const links = new Map<string, string>()
  const aborted: string[] = []
  const sink: TreeSink = {
    folder: (path) => Promise.resolve(void folders.push(path)),
    link: (path, target) => Promise.resolve(void links.set(path, target)),
    file: (path) => {
      const parts: Uint8Array[] = []
      return Promise.resolve({
        write: (bytes) => Promise.resolve(void parts.push(bytes.slice())),
        close: () => {
          files.set(path, toHex(sha256(...parts)))
          sizes.set(
            path,
            parts.reduce((sum, part) => sum + part.length, 0),
          )
          return Promise.resolve()
        },
        abort: () => Promise.resolve(void aborted.push(path)),
      })
    },
  }
  return { sink, files, sizes, folders, links, aborted }
}

const hash = (bytes: Uint8Array): string => toHex(sha256(bytes))
const names = (share: Share, path: string): string[] =>
  listFolder(share.view, findPath(share.view, path)!.id).map(({ name }) => name)

let server: MemoryServer
let ada: TestMember
let share: Share
beforeEach(async () => {
  server = new MemoryServer()
  ada = await signUp(server)
  share = await createShare(ada.member, 'Fotos')
})

describe('a share', () => {
  it('is created, found, renamed and listed', async () => {
    await renameShare(share, 'Bilder')
    expect(await listShares(ada.member)).toMatchObject([{ name: 'Bilder', nodes: 0 }])
    expect(await findShare(ada.member, 'Bilder')).toBe(share)
    await expect(findShare(ada.member, 'nothing')).rejects.toMatchObject({ code: 'not_found' })
    await expect(createShare(ada.member, 'a/b')).rejects.toThrow(RangeError)
  })

  it('is not shown to another member', async () => {
    const bob = await signUp(server, 'bob')
    expect(await listShares(bob.member)).toEqual([])
  })
})

describe('put and get', () => {
  const odd = [
    '😀.txt',
    'שלום',
    `${'n'.repeat(251)}.bin`,
    'é',
    'a b\tc',
    '-rf',
    'CON',
    'x'.repeat(255),
  ]

  it('brings a tree back byte for byte', async () => {
    const contents = new Map<string, Uint8Array>()
    const list: LocalItem[] = [{ kind: 'folder', path: 'empty', modifiedAt: 5 }]
    odd.forEach((name, i) => contents.set(`deep/er/${name}`, randomBytes(i * 1000)))
    contents.set('zero', new Uint8Array(0))
    contents.set('one-segment', randomBytes(262_144))
    contents.set('two-in-a-bundle', randomBytes(262_145))
    contents.set('big', randomBytes(3_000_001))
    for (const [path, bytes] of contents) list.push(file(path, bytes))
    list.push({ kind: 'link', path: 'link', target: '../somewhere/else' })
    const report = await putTree(share, items(...list), '/top')
    expect(report).toMatchObject({ files: contents.size, links: 1, folders: 1, skipped: [] })
    const { sink, files, folders, links } = memorySink()
    const got = await getTree(await openShare(ada.member, share.log), ['/top'], sink)
    expect(got.failed).toEqual([])
    expect(files.size).toBe(contents.size)
    for (const [path, bytes] of contents)
      expect(files.get(`top/${path.normalize('NFC')}`)).toBe(hash(bytes))
    expect(folders.sort()).toEqual(['top', 'top/deep', 'top/deep/er', 'top/empty'])
    expect(links.get('top/link')).toBe('../somewhere/else')
  })

  it('replays to the same tree on another device, and from a kept state', async () => {
    await putTree(
      share,
      items(...Array.from({ length: 40 }, (_, i) => file(`f${i}`, randomBytes(10)))),
      '/',
    )
    const kept = new Map<string, Uint8Array>()
    const cache: LogCache = {
      load: (log) => Promise.resolve(kept.get(log)),
      save: (log, bytes) => Promise.resolve(void kept.set(log, bytes)),
    }
    const { unlock } = await import('../account/unlock.ts')
    const context = { ...ada.context, cache }
    const again = await unlock(context, ada.created, ada.created.unlockBy, ada.created.device)
    const replayed = await openShare(again, share.log)
    expect(replayed.view).toEqual(share.view)
    await keepShare(replayed, true)
    await putTree(share, items(file('later', randomBytes(5))), '/')
    server.calls.length = 0
    const third = await unlock(context, ada.created, ada.created.unlockBy, ada.created.device)
    const fromKept = await openShare(third, share.log)
    expect(fromKept.view.nodes).toEqual(share.view.nodes)
    expect(fromKept.replica.position.seq).toBe(share.replica.position.seq)
  })

  it('leaves unchanged files alone and makes versions of changed ones', async () => {
    const first = randomBytes(100)
    await putTree(share, items(file('a', first), file('b', first)), '/')
    const calls = server.calls.length
    const again = await putTree(share, items(file('a', first), file('b', first)), '/')
    expect(again).toMatchObject({ files: 0, unchanged: 2 })
    expect(server.calls.slice(calls)).toEqual(['readLog'])
    const changed = randomBytes(100)
    await putTree(share, items(file('a', changed, 1_800_000_000_000)), '/')
    expect(listVersions(share.view, '/a')).toHaveLength(2)
    await putTree(share, items(file('b', first)), '/', { force: true })
    expect(listVersions(share.view, '/b')).toHaveLength(2)
    const { sink, files } = memorySink()
    await getTree(share, ['/a'], sink)
    expect(files.get('a')).toBe(hash(changed))
  })

  it('lists what cannot be read or placed and does the rest', async () => {
    const broken: LocalFile = {
      ...file('broken', randomBytes(10)),
      open: async function* () {
        throw new Error('EACCES')
      },
    }
    const shrunk: LocalFile = { ...file('shrunk', randomBytes(2_000_000)), size: 2_500_000 }
    await putTree(share, items(file('is-file', randomBytes(1))), '/')
    const report = await putTree(
      share,
      items(
        { kind: 'unreadable', path: 'no/entry', reason: 'Permission denied.' },
        broken,
        shrunk,
        file('is-file/below', randomBytes(3)),
        file('a/../b', randomBytes(3)),
        file('nul\0', randomBytes(3)),
        file('\ud800', randomBytes(3)),
        { kind: 'folder', path: 'is-file' },
        file('good', randomBytes(4)),
      ),
      '/',
    )
    expect(report.files).toBe(1)
    expect(report.skipped.map(({ path }) => path).sort()).toEqual(
      [
        'no/entry',
        'broken',
        'shrunk',
        'is-file/below',
        'a/../b',
        'nul\0',
        '\ud800',
        'is-file',
      ].sort(),
    )
    expect(names(share, '/')).toEqual(['good', 'is-file'])
  })

  it('goes on with a large upload where an earlier run was cut off', async () => {
    const records = new Map<string, Uint8Array>()
    const resume: ResumeStore = {
      find: (key) => Promise.resolve(records.get(key)),
      put: (key, bytes) => Promise.resolve(void records.set(key, bytes)),
      remove: (key) => Promise.resolve(void records.delete(key)),
    }
    const bytes = randomBytes(5_000_000)
    let cuts = 0
    server.onUploadBytes = (given) => {
      cuts++
      return cuts === 1 ? given.subarray(0, 2_000_000) : given
    }
    server.before = (name) => {
      if (name === 'getUpload' || (name === 'writeUpload' && cuts === 1))
        throw new NetworkError('dropped', 'cut')
    }
    await expect(putTree(share, items(file('big', bytes)), '/', { resume })).rejects.toThrow('cut')
    expect(records.size).toBe(1)
    server.before = () => undefined
    const asked: number[] = []
    const source = file('big', bytes)
    const watched: LocalFile = {
      ...source,
      open: (offset) => (asked.push(offset), source.open(offset)),
    }
    await putTree(share, items(watched), '/', { resume })
    expect(asked).toEqual([7 * 262_144])
    expect(records.size).toBe(0)
    const { sink, files } = memorySink()
    await getTree(share, ['/'], sink)
    expect(files.get('big')).toBe(hash(bytes))
  })

  it('starts a large upload again when the source has changed', async () => {
    const records = new Map<string, Uint8Array>()
    const resume: ResumeStore = {
      find: (key) => Promise.resolve(records.get(key)),
      put: (key, bytes) => Promise.resolve(void records.set(key, bytes)),
      remove: (key) => Promise.resolve(void records.delete(key)),
    }
    server.before = (name) => {
      if (name === 'writeUpload' || name === 'getUpload') throw new NetworkError('dropped', 'cut')
    }
    await expect(
      putTree(share, items(file('big', randomBytes(2_000_000))), '/', { resume }),
    ).rejects.toThrow('cut')
    server.before = () => undefined
    const bytes = randomBytes(2_000_000)
    await putTree(share, items(file('big', bytes, 1_800_000_000_000)), '/', { resume })
    expect(server.uploads.size).toBe(2)
    const { sink, files } = memorySink()
    await getTree(share, ['/big'], sink)
    expect(files.get('big')).toBe(hash(bytes))
  })

  it('names what was stored before a full quota ended it', async () => {
    server.quotaBytes = 3_000_000
    const many = Array.from({ length: 20 }, (_, i) =>
      file(`f${String(i).padStart(2, '0')}`, randomBytes(500_000)),
    )
    await expect(putTree(share, items(...many), '/')).rejects.toMatchObject({ code: 'over_quota' })
    const stored = names(share, '/')
    const { sink, files } = memorySink()
    const got = await getTree(share, ['/'], sink)
    expect(got.failed).toEqual([])
    expect(files.size).toBe(stored.length)
  })

  it('gives out no byte of a changed object, and names it', async () => {
    await putTree(
      share,
      items(
        file('small', randomBytes(1000)),
        file('big', randomBytes(2_000_000)),
        file('fine', randomBytes(9)),
      ),
      '/',
    )
    for (const name of ['small', 'big']) {
      const { object } = findPath(share.view, `/${name}`)!.node!.versions[0]!
      const bytes = server.logs.objects.get(object)!
      bytes[bytes.length - 1]! ^= 1
    }
    const { sink, files, aborted } = memorySink()
    const got = await getTree(share, ['/'], sink)
    expect(got.failed.map(({ path, code }) => [path, code]).sort()).toEqual([
      ['big', 'object_segment'],
      ['small', 'object_segment'],
    ])
    expect([...files.keys()]).toEqual(['fine'])
    expect(aborted).toEqual(['big'])
  })

  it('gets the others where one object is missing', async () => {
    await putTree(share, items(...[0, 1, 2, 3, 4].map((i) => file(`f${i}`, randomBytes(10)))), '/')
    server.logs.objects.delete(findPath(share.view, '/f3')!.node!.versions[0]!.object)
    const { sink, files } = memorySink()
    const got = await getTree(share, ['/'], sink)
    expect(got.failed).toMatchObject([{ path: 'f3', code: 'not_found' }])
    expect(files.size).toBe(4)
  })

  it('stops when asked to', async () => {
    const stop = new AbortController()
    const list = Array.from({ length: 50 }, (_, i) => file(`f${i}`, randomBytes(100)))
    const walking = putTree(
      share,
      (async function* () {
        for (const [i, item] of list.entries()) {
          if (i === 20) stop.abort(new Error('enough'))
          yield item
        }
      })(),
      '/',
      { signal: stop.signal },
    )
    await expect(walking).rejects.toThrow('enough')
  })
})

describe('changes', () => {
  it('makes folders, moves, renames and copies', async () => {
    await makeFolder(share, '/a/b/c')
    await putTree(share, items(file('x.txt', randomBytes(10))), '/a')
    await moveItem(share, '/a/x.txt', '/a/b')
    expect(names(share, '/a/b')).toEqual(['c', 'x.txt'])
    await moveItem(share, '/a/b/x.txt', '/a/b/y.txt')
    await copyItem(share, '/a', '/copy')
    expect(names(share, '/copy/b')).toEqual(['c', 'y.txt'])
    expect(server.logs.objects.size).toBe(1)
    await expect(moveItem(share, '/a', '/a/b/c')).rejects.toMatchObject({ code: 'bad_request' })
    await expect(moveItem(share, '/a/b/y.txt', '/copy/b')).rejects.toMatchObject({
      code: 'object_exists',
    })
    await expect(moveItem(share, '/nothing', '/a')).rejects.toMatchObject({ code: 'not_found' })
    await expect(makeFolder(share, '/a/../etc')).rejects.toMatchObject({ code: 'bad_request' })
  })

  it('trashes, restores, erases and empties', async () => {
    await putTree(
      share,
      items(
        file('d/one', randomBytes(10)),
        file('d/two', randomBytes(10)),
        file('three', randomBytes(10)),
      ),
      '/',
    )
    await trashItems(share, ['/d/one', '/d', '/three'])
    expect(names(share, '/')).toEqual([])
    expect(
      listTrash(share.view)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['d', 'three'])
    const d = listTrash(share.view).find(({ name }) => name === 'd')!
    await restoreItems(share, [d.id])
    expect(names(share, '/d')).toEqual(['two'])
    expect(
      listTrash(share.view)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['one', 'three'])
    expect(await emptyTrash(share)).toBe(2)
    expect(listTrash(share.view)).toEqual([])
    await erasePaths(share, ['/d/two'])
    expect(share.view.nodes.size).toBe(1)
  })

  it('shows clashing names apart, the same everywhere', async () => {
    const other = await (
      await import('../account/unlock.ts')
    ).unlock(ada.context, ada.created, ada.created.unlockBy, ada.created.device)
    const theirs = await openShare(other, share.log)
    server.before = () => undefined
    await Promise.all([
      putTree(share, items(file('note.txt', randomBytes(10))), '/'),
      putTree(theirs, items(file('note.txt', randomBytes(20))), '/'),
    ])
    await share.replica.sync()
    await theirs.replica.sync()
    expect(names(share, '/')).toEqual(['note (2).txt', 'note.txt'])
    expect(names(theirs, '/')).toEqual(names(share, '/'))
  })
})

describe('two devices at once', () => {
  it('neither loses a change', async () => {
    const { unlock } = await import('../account/unlock.ts')
    const { enrolDevice } = await import('../account/devices.ts')
    const other = await unlock(ada.context, ada.created, ada.created.unlockBy)
    await enrolDevice(other, 'other')
    const theirs = await openShare(other, share.log)
    await Promise.all(
      [share, theirs].map((mine, which) =>
        Promise.all(
          [0, 1, 2, 3].map((i) =>
            putTree(mine, items(file(`d${which}/f${i}`, randomBytes(50))), '/'),
          ),
        ),
      ),
    )
    await share.replica.sync()
    await theirs.replica.sync()
    expect(share.view.nodes).toEqual(theirs.view.nodes)
    const { sink, files } = memorySink()
    await getTree(share, ['/'], sink)
    expect(files.size).toBe(8)
    expect(share.replica.refused).toEqual([])
  })

  it('puts a new version on the newest one when both change a file', async () => {
    await putTree(share, items(file('f', randomBytes(10))), '/')
    const { unlock } = await import('../account/unlock.ts')
    const other = await unlock(ada.context, ada.created, ada.created.unlockBy, ada.created.device)
    const theirs = await openShare(other, share.log)
    await Promise.all([
      putTree(share, items(file('f', randomBytes(11), 1)), '/'),
      putTree(theirs, items(file('f', randomBytes(12), 2)), '/'),
    ])
    await share.replica.sync()
    expect(listVersions(share.view, '/f')).toHaveLength(3)
  })

  it('recognises its own append when only the answer was lost', async () => {
    let lost = 0
    server.change = (name, answer) => {
      if (name === 'appendLogs' && lost++ < 5) throw new NetworkError('dropped', 'lost reply')
      return answer
    }
    await makeFolder(share, '/once')
    expect(names(share, '/')).toEqual(['once'])
    expect(share.replica.position.own.get(ada.member.device!.id)!.own).toBe(2)
  })
})

describe('exported keys', () => {
  it('open stored objects without a server', async () => {
    const bytes = randomBytes(700_000)
    await putTree(share, items(file('x/y', bytes)), '/')
    const [key] = exportShareKeys(share)
    expect(key).toMatchObject({ path: '/x/y', version: 1, newest: true, sizeBytes: 700_000 })
    const stored = server.logs.objects.get(key!.object)!
    const open = async (bytesStored: Uint8Array) => {
      const parts: Uint8Array[] = []
      const chunks = (async function* () {
        yield bytesStored
      })()
      for await (const part of decryptObject({ ...key!, storedBytes: bytesStored.length }, chunks))
        parts.push(part.slice())
      return toHex(sha256(...parts))
    }
    expect(await open(stored)).toBe(hash(bytes))
    expect(() =>
      decryptObject({ ...key!, storedBytes: stored.length - 1 }, (async function* () {})()),
    ).toThrow('longer or shorter')
    const bent = stored.slice()
    bent[0]! ^= 1
    await expect(open(bent)).rejects.toMatchObject({ code: 'object_segment' })
  })
})
