import { binFolder, binPathOf, parseBinName, pathOf } from '../remote/layout.ts'
import {
  type BinnedObject,
  type BinStore,
  type ObjectType,
  objectTypes,
  StorageError,
} from '../storage.ts'
import { folderOf, type WebDavPlace } from './webdav-place.ts'

const listBin = async function* ({
  client,
  root,
}: WebDavPlace): AsyncGenerator<readonly BinnedObject[]> {
  const folders: (ObjectType | undefined)[] = [undefined, ...objectTypes]
  for (const type of folders) {
    const folder = `${root}${binFolder}/${type === undefined ? '' : `${type}/`}`
    for await (const files of (await client.list(folder)) ?? []) {
      yield files.flatMap(({ name, sizeBytes, storedAt }) => {
        const parsed = parseBinName(type, name)
        return parsed === undefined ? [] : [{ ...parsed, sizeBytes, storedAt }]
      })
    }
  }
}

/** The bin of a repository, below `.bin/`: objects are moved there and back, which copies nothing. */
export const webDavBin = (place: WebDavPlace): BinStore => {
  const { client, root, collections, locks } = place
  const binPath = ({ ref, deletedAt, keptUntil }: BinnedObject): string =>
    root + binPathOf(ref, deletedAt, keptUntil)

  /** False where the name is taken. */
  const move = async (from: string, to: string, sizeBytes: number): Promise<boolean> => {
    await collections.ensure(folderOf(to))
    const outcome = await client.move(from, to, false)
    if (outcome !== 'missing') return outcome === 'moved'
    // Moved by a request whose answer was lost, or its collection was removed behind our back.
    if ((await client.stat(to))?.sizeBytes === sizeBytes) return true
    collections.forget(folderOf(to))
    throw new StorageError('unavailable', 'The storage did not move an object.')
  }

  return {
    put: (ref, deletedAt, keptUntil) =>
      locks.run(root + pathOf(ref), async () => {
        const from = root + pathOf(ref)
        const stat = await client.stat(from)
        if (stat === undefined) return undefined
        for (let at = deletedAt; ; at += 1) {
          const to = root + binPathOf(ref, at, keptUntil)
          // Not every server heeds `Overwrite: F`; other bytes may have been the config of the same moment.
          const isTaken = ref.type === 'config' && (await client.stat(to)) !== undefined
          if (!isTaken && (await move(from, to, stat.sizeBytes))) return stat
        }
      }),
    list: () => listBin(place),
    restore: (object) =>
      locks.run(root + pathOf(object.ref), async () => {
        const [from, to] = [binPath(object), root + pathOf(object.ref)]
        if ((await client.stat(from)) === undefined) return false
        if ((await client.stat(to)) === undefined && (await move(from, to, object.sizeBytes)))
          return true
        // Other bytes may stand in the place of a config.
        if (object.ref.type !== 'config') await client.remove(from)
        return false
      }),
    remove: (object) => client.remove(binPath(object)),
  }
}
