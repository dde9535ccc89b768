import { NetworkError } from '@hearthold/client'
import { randomBytes } from '@hearthold/crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { unlock } from '../account/unlock.ts'
import type { LogCache } from '../logs/log-cache.ts'
import { MemoryServer } from '../memory-server.oracle.ts'
import { signUp, type TestMember } from '../test-member.oracle.ts'
import { listVersions } from './changes.ts'
import { getTree } from './get-tree.ts'
import type { LocalFile, LocalItem } from './local-item.ts'
import { putTree } from './put-tree.ts'
import { createShare } from './share-writer.ts'
import { keepShare, openShare, type Share } from './share.ts'
import { file, hash, items, memoryResumes, memorySink, names } from './test-tree.oracle.ts'
import { findPath } from './tree.ts'

let server: MemoryServer
let ada: TestMember
let share: Share
beforeEach(async () => {
  server = new MemoryServer()
  ada = await signUp(server)
  share = await createShare(ada.member, 'Fotos')
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
    // top, empty, deep and er.
    expect(report).toMatchObject({ files: contents.size, links: 1, folders: 4, skipped: [] })
    const again = await putTree(share, items(...list), '/top')
    expect(again).toMatchObject({ files: 0, unchanged: contents.size + 1, folders: 0 })
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
      open: () => ({
        [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('EACCES')) }),
      }),
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
    const resume = memoryResumes()
    const bytes = randomBytes(5_000_000)
    let cuts = 0
    server.objects.onUploadBytes = (given) => {
      cuts++
      return cuts === 1 ? given.subarray(0, 2_000_000) : given
    }
    server.before = (name) => {
      if (name === 'getUpload' || (name === 'writeUpload' && cuts === 1))
        throw new NetworkError('dropped', 'cut')
    }
    await expect(putTree(share, items(file('big', bytes)), '/', { resume })).rejects.toThrow('cut')
    expect(resume.records.size).toBe(1)
    server.before = () => undefined
    const asked: number[] = []
    const source = file('big', bytes)
    const watched: LocalFile = {
      ...source,
      open: (offset) => (asked.push(offset), source.open(offset)),
    }
    await putTree(share, items(watched), '/', { resume })
    expect(asked).toEqual([7 * 262_144])
    expect(resume.records.size).toBe(0)
    const { sink, files } = memorySink()
    await getTree(share, ['/'], sink)
    expect(files.get('big')).toBe(hash(bytes))
  })

  it('goes on with a large upload in folders of the same run, though the run died', async () => {
    const resume = memoryResumes()
    const bytes = randomBytes(5_000_000)
    let cuts = 0
    server.objects.onUploadBytes = (given) => {
      cuts++
      return cuts === 1 ? given.subarray(0, 2_000_000) : given
    }
    let dead = false
    server.before = (name) => {
      // As after kill -9: from the cut on nothing reaches the server, not even what a failing run still saves.
      dead ||= cuts === 1 && (name === 'getUpload' || name === 'writeUpload')
      if (dead) throw new NetworkError('dropped', 'cut')
    }
    const source = file('new/deep/big', bytes)
    const folders: LocalItem[] = ['new', 'new/deep'].map((path) => ({ kind: 'folder', path }))
    await expect(putTree(share, items(...folders, source), '/', { resume })).rejects.toThrow('cut')
    server.before = () => undefined
    const asked: number[] = []
    const watched: LocalFile = {
      ...source,
      open: (offset) => (asked.push(offset), source.open(offset)),
    }
    const later = await openShare(ada.member, share.log)
    const report = await putTree(later, items(...folders, watched), '/', { resume })
    expect(asked).toEqual([7 * 262_144])
    expect(report).toMatchObject({ files: 1, folders: 0 })
    expect([resume.records.size, server.objects.uploads.size]).toEqual([0, 1])
  })

  it('starts a large upload again when the source has changed', async () => {
    const resume = memoryResumes()
    server.before = (name) => {
      if (name === 'writeUpload' || name === 'getUpload') throw new NetworkError('dropped', 'cut')
    }
    await expect(
      putTree(share, items(file('big', randomBytes(2_000_000))), '/', { resume }),
    ).rejects.toThrow('cut')
    server.before = () => undefined
    const bytes = randomBytes(2_000_000)
    await putTree(share, items(file('big', bytes, 1_800_000_000_000)), '/', { resume })
    expect(server.objects.uploads.size).toBe(2)
    const { sink, files } = memorySink()
    await getTree(share, ['/big'], sink)
    expect(files.get('big')).toBe(hash(bytes))
  })

  it('names what was stored before a full quota ended it', async () => {
    server.objects.quotaBytes = 3_000_000
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
    expect(got.failed.map(({ path, code }) => `${path} ${code}`).sort()).toEqual([
      'big object_segment',
      'small object_segment',
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
