/** The real restic against the full server, by credentials of each scope; what is deleted comes back from the bin. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Repository } from '@hearthold/contract'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { differences, digestTree } from '../../tools/demo/compare.ts'
import type { Restic } from '../../tools/demo/restic.ts'
import { FullServer, newFolder, removeFolder, writeSource } from './restic-places.ts'

const folder = newFolder()
const source = join(folder, 'source')
let server: FullServer
let append: Restic
beforeAll(async () => {
  server = await FullServer.start()
  await server.create('laptop')
  append = await server.restic('laptop', 'append')
})
afterAll(async () => {
  await server.stop()
  removeFolder(folder)
})

/** What restic brings back of a snapshot, against the folder as it is. */
const restored = async (restic: Restic, snapshot: string): Promise<string[]> => {
  const target = join(folder, 'target')
  await restic.must('restore', snapshot, '--target', target)
  const found = differences(
    (await digestTree(source)).tree,
    (await digestTree(join(target, source))).tree,
  )
  rmSync(target, { recursive: true })
  return found
}

const shown = async (): Promise<Repository> =>
  (await server.owner.json<{ repository: Repository }>('repository', 'show', 'laptop')).repository

describe('an append credential', () => {
  it('initialises, backs up twice, lists, checks, shows and restores', async () => {
    await append.must('init')
    writeSource(source, 10)
    await append.must('backup', source)
    writeFileSync(join(source, 'letters', 'new'), 'one more')
    expect(await append.must('backup', source)).toContain('Files:           1 new')
    const snapshots = await append.snapshots()
    expect(snapshots).toHaveLength(2)
    await append.checkAll()
    expect(await append.must('ls', 'latest')).toContain(join(source, 'letters', 'letter 7 ü.txt'))
    expect(await append.must('dump', 'latest', join(source, 'letters', 'new'))).toBe('one more')
    expect(await restored(append, 'latest')).toEqual([])
    const repository = await shown()
    expect(repository).toMatchObject({ snapshots: 2, binObjects: 0, alarms: [] })
    expect(repository.usedBytes).toBeGreaterThan(10 * 2 ** 20)
    expect(Date.now() - (repository.newestSnapshotAt ?? 0)).toBeLessThan(60_000)
  })

  it('cannot forget or prune, and nothing is lost by trying', async () => {
    const before = await shown()
    const snapshots = await append.snapshots()
    for (const words of [
      ['forget', 'latest'],
      ['forget', '--keep-last', '1', '--prune'],
      ['rebuild-index'],
    ])
      expect([words, await append.isRefused(403, ...words)]).toEqual([words, true])
    expect(await append.snapshots()).toEqual(snapshots)
    const after = await shown()
    expect(after).toMatchObject({ snapshots: 2, binObjects: 0 })
    // A new index was written before the old ones could not be removed.
    expect(after.objects).toBeGreaterThanOrEqual(before.objects)
    await append.checkAll()
  })
})

describe('a read credential', () => {
  it('lists, checks and restores, and cannot back up', async () => {
    const read = await server.restic('laptop', 'read', append)
    expect(await read.snapshots()).toHaveLength(2)
    expect(await restored(read, 'latest')).toEqual([])
    writeFileSync(join(folder, 'other'), 'other')
    expect(await read.isRefused(403, 'backup', join(folder, 'other'))).toBe(true)
    expect(await append.snapshots()).toHaveLength(2)
  })
})

describe('a maintain credential', () => {
  it('copies into another repository', async () => {
    await server.create('second')
    const second = await server.restic('second', 'append')
    await second.must('init', '--copy-chunker-params', ...fromRepository(append))
    await second.must('copy', ...fromRepository(append))
    expect(await second.snapshots()).toHaveLength(2)
    await second.checkAll()
    expect(await restored(second, 'latest')).toEqual([])
  })

  it('forgets and prunes; the bin brings back every snapshot and every byte', async () => {
    const maintain = await server.restic('laptop', 'maintain', append)
    rmSync(join(source, 'film 3.bin'))
    await append.must('backup', source)
    const snapshots = await append.snapshots()
    const ids = snapshots.map(({ id }) => id)
    await maintain.must('forget', '--keep-last', '1', '--prune', '--max-unused', '0')
    await maintain.checkAll()
    const [last] = await maintain.snapshots()
    expect([(await maintain.snapshots()).length, last?.id]).toEqual([1, ids.at(-1)])
    await maintain.must('forget', ids.at(-1) ?? '', '--prune')
    expect(await maintain.snapshots()).toEqual([])
    const emptied = await shown()
    expect(emptied.snapshots).toBe(0)
    expect(emptied.binBytes).toBeGreaterThan(10 * 2 ** 20)
    const back = await server.owner.json<{ objects: number }>(
      ...['repository', 'bin', 'restore', 'laptop'],
    )
    expect(back.objects).toBe(emptied.binObjects)
    expect((await append.snapshots()).map(({ id }) => id)).toEqual(ids)
    await append.checkAll()
    expect(await restored(append, ids.at(-1) ?? '')).toEqual([])
    expect(await shown()).toMatchObject({ snapshots: 3, binObjects: 0 })
  })

  it('rebuilds the index and migrates nothing that is new already', async () => {
    const maintain = await server.restic('laptop', 'maintain', append)
    await maintain.must('rebuild-index')
    await maintain.must('migrate')
    await maintain.must('prune', '--max-unused', '0')
    await maintain.checkAll()
    expect(await maintain.snapshots()).toHaveLength(3)
  })
})

/** Flags that name another repository as the one to take from. */
const fromRepository = ({ repositoryFile, passwordFile }: Restic): string[] => [
  ...['--from-repository-file', repositoryFile, '--from-password-file', passwordFile],
]
