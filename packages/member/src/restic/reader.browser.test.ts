/** Repositories that real restic made (0.14), read without restic, in Node and in a browser. */
import { describe, expect, it } from 'vitest'
import v1 from './fixtures/v1.json' with { type: 'json' }
import v2 from './fixtures/v2.json' with { type: 'json' }
import {
  compareSnapshots,
  findNode,
  findSnapshot,
  listSnapshots,
  loadIndex,
  openResticRepository,
  readFile,
  readFolder,
  searchSnapshot,
  walkSnapshot,
  type ResticNode,
  type ResticRepository,
} from './index.ts'
import { codeOf, collected, fixtureFiles, memorySource } from './test-repository.oracle.ts'
import { hashOf } from './values.ts'

const password = 'fixture password, für alle'
const open = (fixture: Record<string, string>) =>
  openResticRepository(memorySource(fixtureFiles(fixture)), password)

const contentOf = async (
  repository: ResticRepository,
  node: ResticNode,
  range: { offset?: number; length?: number } = {},
) => new Blob(await collected(readFile(repository, node, range))).arrayBuffer()

const textOf = async (repository: ResticRepository, node: ResticNode) =>
  new TextDecoder().decode(await contentOf(repository, node))

describe.each([
  ['version 1', v1, 1],
  ['version 2', v2, 2],
])('a repository of %s', (_, fixture, version) => {
  it('opens by its password alone', async () => {
    expect((await open(fixture)).version).toBe(version)
    const source = memorySource(fixtureFiles(fixture))
    expect(await codeOf(openResticRepository(source, 'another'))).toBe('wrong_password')
  })

  it('lists its snapshots, newest first', async () => {
    const { snapshots, problems } = await listSnapshots(await open(fixture))
    expect(problems).toEqual([])
    expect(snapshots.map(({ host, tags }) => [host, tags])).toEqual([
      ['hearth', ['second']],
      ['hearth', ['first', 'small']],
    ])
    expect(new Date(snapshots[1]?.time.ms ?? 0).toISOString()).toBe('2022-05-06T07:08:09.000Z')
  })

  it('finds a snapshot by the beginning of its id', async () => {
    const repository = await open(fixture)
    const { snapshots } = await listSnapshots(repository)
    const [newest] = snapshots
    expect(await findSnapshot(repository, 'latest')).toEqual(newest)
    expect(await findSnapshot(repository, newest!.id.slice(0, 8))).toEqual(newest)
    expect(await codeOf(findSnapshot(repository, 'zz'))).toBe('snapshot_not_found')
    expect(await codeOf(findSnapshot(repository, ''))).toBe('snapshot_not_found')
  })

  it('reads names, kinds, modes and links', async () => {
    const repository = await open(fixture)
    const first = (await listSnapshots(repository)).snapshots[1]!
    const names = (await readFolder(repository, first.tree)).map(({ name }) => name)
    const large = version === 2 ? ['large'] : []
    expect(names).toEqual([
      'a"b\\c\u0001\n\tend',
      'a\u200bb\ufeffc',
      'caf\\xe9',
      ...['empty', 'empty-folder', 'folder', ...large, 'private', 'snöflæke 🌻', 'sparse'],
    ])
    const at = (path: string) => findNode(repository, first.tree, path)
    expect(await at('private')).toMatchObject({
      mode: 0o600,
      sizeBytes: 7,
      modified: { ms: -1500, ns: 0 },
    })
    expect((await at('empty-folder')).mode).toBe(0o1777)
    expect((await at('folder/pipe')).kind).toBe('fifo')
    const [hello, hard] = [await at('/folder/hello.txt'), await at('folder/deep/hard-link')]
    expect(hello.modified).toEqual({ ms: Date.UTC(2021, 2, 4, 5, 6, 7, 123), ns: 456_789 })
    expect([hello.links, hard.links]).toEqual([2, 2])
    expect(hello.inode).toMatch(/^\d+$/)
    expect([hard.inode, hard.deviceId]).toEqual([hello.inode, hello.deviceId])
    expect(await at('folder/deep/link')).toMatchObject({ kind: 'link', target: '../hello.txt' })
    expect((await at('caf\\xe9')).nameBytes).toEqual(Uint8Array.of(0x63, 0x61, 0x66, 0xe9))
    expect(await codeOf(at('folder/missing'))).toBe('path_not_found')
    expect(await codeOf(at('private/x'))).toBe('not_a_folder')
  })

  it('reads contents: small, empty, odd names, sparse', async () => {
    const repository = await open(fixture)
    const first = (await listSnapshots(repository)).snapshots[1]!
    const at = (path: string) => findNode(repository, first.tree, path)
    expect(await textOf(repository, await at('folder/hello.txt'))).toBe('hello\n')
    expect(await textOf(repository, await at('folder/deep/hard-link'))).toBe('hello\n')
    expect(await textOf(repository, await at('empty'))).toBe('')
    expect(await textOf(repository, await at('caf\\xe9'))).toBe('latin')
    expect(await textOf(repository, await at('folder/deep/deeper/xs'))).toBe('x'.repeat(3000))
    const zeros = new Uint8Array(await contentOf(repository, await at('sparse')))
    expect(zeros.length).toBe(20 * 1024 * 1024)
    expect(zeros.every((byte) => byte === 0)).toBe(true)
    expect(await codeOf(collected(readFile(repository, await at('folder'))))).toBe('not_a_file')
  })

  it('reads ranges, and only the bytes that they touch', async () => {
    const source = memorySource(fixtureFiles(fixture))
    const repository = await openResticRepository(source, password)
    const { tree } = await findSnapshot(repository, 'latest')
    const sparse = await findNode(repository, tree, 'sparse')
    for (const [offset, length, got] of [
      [0, 1, 1],
      [524_287, 2, 2],
      [20_971_519, 5, 1],
      [20_971_520, 5, 0],
      [3, 0, 0],
    ] as const)
      expect((await contentOf(repository, sparse, { offset, length })).byteLength).toBe(got)
    const text = await findNode(repository, tree, 'folder/deep/deeper/xs')
    const before = source.readBytes
    await contentOf(repository, text, { offset: 10, length: 20 })
    expect(source.readBytes - before).toBeLessThan(4000)
  })

  it('says what changed between two snapshots', async () => {
    const repository = await open(fixture)
    const [newer, older] = (await listSnapshots(repository)).snapshots
    const differences = await collected(compareSnapshots(repository, older!.tree, newer!.tree))
    const lines = differences.map(({ kind, path }) => `${kind} ${path}`).toSorted()
    expect(lines).toEqual([
      'added empty/inside',
      'added new',
      'attributes empty-folder',
      // Its other name was written through; both are one file.
      'changed folder/deep/hard-link',
      'changed folder/hello.txt',
      'removed private',
      'type empty',
    ])
    expect(await collected(compareSnapshots(repository, newer!.tree, newer!.tree))).toEqual([])
  })

  it('searches by part of a name, by pattern and by path', async () => {
    const repository = await open(fixture)
    const { tree } = (await listSnapshots(repository)).snapshots[1]!
    const found = async (pattern: string) =>
      (await collected(searchSnapshot(repository, tree, pattern)))
        .map(({ path }) => path)
        .toSorted()
    expect(await found('HELLO')).toEqual(['folder/hello.txt'])
    expect(await found('*link')).toEqual([
      'folder/deep/hard-link',
      'folder/deep/link',
      'folder/deep/odd-link',
    ])
    expect(await found('**/deep/?ard-*')).toEqual(['folder/deep/hard-link'])
    expect(await found('folder/*')).toEqual(['folder/deep', 'folder/hello.txt', 'folder/pipe'])
    expect(await found('nothing')).toEqual([])
  })

  it('walks all folders, parents first, and asks little of the source', async () => {
    const source = memorySource(fixtureFiles(fixture))
    const repository = await openResticRepository(source, password)
    const { tree } = await findSnapshot(repository, 'latest')
    await loadIndex(repository)
    const before = source.reads.length
    const folders = await collected(walkSnapshot(repository, tree))
    const paths = folders.map(({ place }) => place.path)
    expect(paths.toSorted()).toEqual([
      ...['', 'empty', 'empty-folder', 'folder', 'folder/deep', 'folder/deep/deeper'],
    ])
    for (const { place } of folders)
      expect(paths.indexOf(place.parent?.path ?? '')).toBeLessThanOrEqual(paths.indexOf(place.path))
    expect(source.reads.length - before).toBeLessThanOrEqual(6)
  })
})

it('reads a file of 20 MiB in many pieces, byte for byte', async () => {
  const repository = await open(v2)
  const { tree } = await findSnapshot(repository, 'latest')
  const large = await findNode(repository, tree, 'large')
  const expected = new Uint8Array(20_480 * 1024)
  for (let block = 0; block < 320; block++) {
    const name = new TextEncoder().encode(String(block))
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', name))
    for (let at = 0; at < 65_536; at += 32) expected.set(hash, block * 65_536 + at)
  }
  expect(large.content?.length).toBeGreaterThan(2)
  expect(await hashOf(new Uint8Array(await contentOf(repository, large)))).toBe(
    await hashOf(expected),
  )
  const range = { offset: 7_000_001, length: 3_000_000 }
  expect(await hashOf(new Uint8Array(await contentOf(repository, large, range)))).toBe(
    await hashOf(expected.slice(range.offset, range.offset + range.length)),
  )
})
