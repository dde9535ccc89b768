import { describe, expect, test } from 'vitest'
import { folderSync } from './folder-sync.ts'
import { nodeFileSystem } from './file-system.ts'

/** Folders whose fsyncs end when the test says so. */
const disk = () => {
  const running: PromiseWithResolvers<void>[] = []
  const fs = {
    ...nodeFileSystem,
    openSync: () => 7,
    closeSync: () => undefined,
    fsync: () => {
      const one = Promise.withResolvers<void>()
      running.push(one)
      return one.promise
    },
  }
  const failure = Object.assign(new Error('EIO'), { code: 'EIO' })
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  return { fs, running, failure, turn }
}

describe('folder fsyncs', () => {
  test('are shared by those who came before one began, and by nobody after', async () => {
    const { fs, running, turn } = disk()
    const folders = folderSync(fs)
    const done: string[] = []
    const change = (name: string) =>
      folders
        .changing('a')()
        .then(() => done.push(name))
    const all = [change('first'), change('second'), change('third')]
    await turn()
    expect(running).toHaveLength(1)
    running[0]?.resolve()
    await turn()
    expect([done, running.length]).toEqual([['first'], 2])
    running[1]?.resolve()
    await Promise.all(all)
    expect(done).toEqual(['first', 'second', 'third'])
  })

  test('that fail, fail all whose names may have been in them, even those who ask later', async () => {
    const { fs, running, failure } = disk()
    const folders = folderSync(fs)
    const [first, waiting, renamedBefore] = [
      folders.changing('a')(),
      folders.changing('a')(),
      folders.changing('a'),
    ]
    running[0]?.reject(failure)
    await expect(first).rejects.toThrow('EIO')
    await expect(waiting).rejects.toThrow('EIO')
    await expect(renamedBefore()).rejects.toMatchObject({ code: 'EIO' })
    const renamedAfter = folders.changing('a')()
    running[1]?.resolve()
    expect(await renamedAfter).toBeUndefined()
  })

  test('of folders that were exchanged are those of the new one', async () => {
    const { fs, running } = disk()
    const opened: number[] = []
    const closed: number[] = []
    let inode = 1
    const stat = () => ({ sizeBytes: 0, modifiedAt: 0, changedAt: 0, inode })
    const files = {
      ...fs,
      openSync: () => (opened.push(inode), inode),
      closeSync: (file: number) => void closed.push(file),
      statSync: stat,
      fstatSync: stat,
    }
    const folders = folderSync(files, { shared: true })
    const old = folders.changing('a')()
    inode = 2
    const fresh = folders.changing('a')()
    folders.changing('a')
    expect([opened, running.length]).toEqual([[1, 2], 2])
    for (const one of running) one.resolve()
    await Promise.all([old, fresh])
    expect(closed).toEqual([1])
    folders.close()
    expect(closed).toEqual([1, 2])
  })

  test('keep so many folders open, never closing one that is being synced', async () => {
    const { fs, running } = disk()
    let next = 1
    const open = new Set<number>()
    const files = {
      ...fs,
      openSync: () => (open.add(next), next++),
      closeSync: (file: number) => void open.delete(file),
    }
    const folders = folderSync(files, { limit: 2 })
    const busy = folders.changing('a')()
    for (const path of ['b', 'c', 'd', 'e', 'd']) folders.changing(path)
    expect([...open]).toEqual([1, 6])
    const lost = folders.changing('b')
    folders.changing('c')
    await expect(lost()).rejects.toMatchObject({ code: 'EIO' })
    for (const one of running) one.resolve()
    await busy
    folders.close()
    expect(open.size).toBe(0)
  })
})
