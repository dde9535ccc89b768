/** The life of a repository on a storage, by the real restic. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Repository } from '@hearthold/contract'
import { differences, digestTree } from '../../tools/demo/compare.ts'
import type { Restic } from '../../tools/demo/restic.ts'
import { type FullServer, writeSource } from './restic-places.ts'

const restored = async (restic: Restic, folder: string, source: string): Promise<string[]> => {
  const target = join(folder, 'target')
  await restic.must('restore', 'latest', '--target', target)
  const there = await digestTree(join(target, source))
  rmSync(target, { recursive: true })
  return differences((await digestTree(source)).tree, there.tree)
}

export type Life = {
  /** Restores that differ from what was backed up, of before and after the return from the bin. */
  readonly differences: readonly string[]
  /** An append credential may not forget. */
  readonly forgetRefused: boolean
  readonly binAfterPrune: number
  readonly snapshots: { readonly made: number; readonly pruned: number; readonly back: number }
  readonly seconds: { readonly backup: number; readonly check: number; readonly restore: number }
}

const timed = async <T>(work: () => Promise<T>): Promise<[T, number]> => {
  const began = performance.now()
  const outcome = await work()
  return [outcome, (performance.now() - began) / 1000]
}

/**
 * Backs up twice, checks every byte, restores, forgets all but the last and prunes, brings all back from the bin, and
 * checks and restores again.
 * @throws Error where restic fails
 */
export const lifeOnStorage = async (
  server: FullServer,
  storage: string,
  folder: string,
  sizeMib: number,
): Promise<Life> => {
  const name = `on-${storage}`
  const source = writeSource(join(folder, `${name}-source`), sizeMib)
  await server.create(name, '--storage', storage)
  const append = await server.restic(name, 'append')
  const shown = async (): Promise<Repository> =>
    (await server.owner.json<{ repository: Repository }>('repository', 'show', name)).repository
  await append.must('init')
  const [, backup] = await timed(() => append.must('backup', source))
  rmSync(join(source, 'film 0.bin'))
  writeFileSync(join(source, 'new'), 'one more')
  await append.must('backup', source)
  const made = (await append.snapshots()).length
  const [, check] = await timed(() => append.checkAll())
  const [first, restore] = await timed(() => restored(append, folder, source))
  const forgetRefused = await append.isRefused(403, 'forget', 'latest')
  const maintain = await server.restic(name, 'maintain', append)
  await maintain.must('forget', '--keep-last', '1', '--prune', '--max-unused', '0')
  await maintain.checkAll()
  const pruned = (await maintain.snapshots()).length
  const { binObjects } = await shown()
  await server.owner.json('repository', 'bin', 'restore', name)
  const back = (await append.snapshots()).length
  await append.checkAll()
  const second = await restored(append, folder, source)
  return {
    differences: [...first, ...second],
    forgetRefused,
    binAfterPrune: binObjects,
    snapshots: { made, pruned, back },
    seconds: { backup, check, restore },
  }
}
