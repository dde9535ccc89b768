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
})
