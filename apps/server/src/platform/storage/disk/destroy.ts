import { join } from 'node:path'
import type { Disk } from './disk.ts'
import { binFolder, repositoryFolders } from './layout.ts'
import { turn } from './turns.ts'
import { objectTypes } from '../storage.ts'

const perTurn = 64

/**
 * Removes what a repository consists of and nothing else: folders that hold other things stay. The config goes first:
 * what is left of a repository after a crash is none any more.
 */
export const destroyRepository = async (disk: Disk, repository: string): Promise<void> => {
  const { fs, durable, indexes } = disk
  durable.forget(repository)
  await indexes.forgetRepository(repository)
  fs.removeSync(join(repository, 'config'))
  const bins = [...objectTypes.map((type) => `${binFolder}/${type}`), binFolder]
  for (const folder of [...repositoryFolders.toReversed(), ...bins]) {
    const path = join(repository, folder)
    indexes.forget(path)
    // Its files are in the shards; what else is there is not ours.
    if (folder !== 'data') await removeFiles(disk, path)
    removeIfEmpty(disk, path)
  }
  if (repository !== disk.root) removeIfEmpty(disk, repository)
}

const removeFiles = async ({ fs }: Disk, folder: string): Promise<void> => {
  for (const [index, name] of (fs.listSync(folder) ?? []).entries()) {
    fs.removeSync(join(folder, name))
    if (index % perTurn === perTurn - 1) await turn()
  }
}

const removeIfEmpty = ({ fs }: Disk, folder: string): void => {
  if ((fs.listSync(folder)?.length ?? 0) === 0) fs.removeFolderSync(folder)
}
