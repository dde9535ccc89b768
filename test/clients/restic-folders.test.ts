/** Folders of other servers under ours, and ours under others: it is the same layout, swapped in place. */
import { cpSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Repository } from '@hearthold/contract'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { differences, digestTree } from '../../tools/demo/compare.ts'
import type { Restic } from '../../tools/demo/restic.ts'
import {
  FolderServer,
  FullServer,
  newFolder,
  removeFolder,
  resticFor,
  writeSource,
} from './restic-places.ts'

const folder = newFolder()
const source = writeSource(join(folder, 'source'), 10)
let server: FullServer
beforeAll(async () => {
  server = await FullServer.start()
})
afterAll(async () => {
  await server.stop()
  removeFolder(folder)
})

const account = async (): Promise<string> => (await server.create('known')).path.split('/')[2] ?? ''
let ownPlace: Promise<string> | undefined
/** Where the host's repositories lie; known once one was made. */
const placeOf = async (name: string): Promise<string> => {
  ownPlace ??= account()
  return join(server.house.server.dataFolder, 'repositories', await ownPlace, name)
}

/** Puts a folder where the repository `name` will be, makes that, and returns restic for it. */
const takeUp = async (made: string, name: string, like: Restic): Promise<Restic> => {
  const place = await placeOf(name)
  mkdirSync(dirname(place), { recursive: true })
  cpSync(made, place, { recursive: true })
  await server.create(name)
  return server.restic(name, 'append', like)
}

const expectWhole = async (restic: Restic, name: string): Promise<void> => {
  await restic.checkAll()
  const target = join(folder, `back-${name}`)
  await restic.must('restore', 'latest', '--target', target)
  const [before, after] = [await digestTree(source), await digestTree(join(target, source))]
  expect(differences(before.tree, after.tree)).toEqual([])
}

describe('a folder', () => {
  it('that rclone served is taken up', async () => {
    const made = join(folder, 'by-rclone')
    mkdirSync(made)
    const rclone = await FolderServer.rclone(made)
    const theirs = resticFor(join(folder, 'rclone-restic'), rclone.address(''))
    try {
      await theirs.must('init')
      await theirs.must('backup', source)
    } finally {
      await rclone.stop()
    }
    const restic = await takeUp(made, 'from-rclone', theirs)
    await expectWhole(restic, 'from-rclone')
    await restic.must('backup', source)
    const words = ['repository', 'show', 'from-rclone']
    const { repository } = await server.owner.json<{ repository: Repository }>(...words)
    expect(repository).toMatchObject({ snapshots: 2, counted: true })
  })

  it('of the layout of rest-server is taken up', async () => {
    const made = join(folder, 'local')
    const local = resticFor(join(folder, 'local-restic'), made)
    await local.must('init')
    await local.must('backup', source)
    const restic = await takeUp(made, 'from-folder', local)
    await expectWhole(restic, 'from-folder')
    await restic.must('backup', source)
    expect(await restic.snapshots()).toHaveLength(2)
  })

  it('of ours is served by rclone, with what was deleted left out', async () => {
    const repository = await server.create('ours')
    const append = await server.restic('ours', 'append')
    await append.must('init')
    await append.must('backup', source)
    await append.must('backup', source)
    const [first] = await append.snapshots()
    const maintain = await server.restic('ours', 'maintain', append)
    await maintain.must('forget', first?.id ?? '')
    const rclone = await FolderServer.rclone(server.place(repository))
    try {
      const theirs = resticFor(join(folder, 'ours-restic'), rclone.address(''), { like: append })
      expect(await theirs.snapshots()).toHaveLength(1)
      await expectWhole(theirs, 'ours')
    } finally {
      await rclone.stop()
    }
  })
})
