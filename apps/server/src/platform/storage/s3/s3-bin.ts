import { binFolder, binPathOf, parseBinName, pathOf } from '../remote/layout.ts'
import {
  type BinnedObject,
  type BinStore,
  type ObjectStat,
  objectTypes,
  StorageError,
} from '../storage.ts'
import type { S3Client } from './s3-client.ts'
import { listKeys } from './s3-list.ts'
import type { S3Place } from './s3-place.ts'

/**
 * Copies, looks at the copy, and only then deletes: a crash between leaves both and loses nothing.
 * @returns what was there
 */
const move = async (
  client: S3Client,
  from: string,
  to: string,
  lockUntil: number,
): Promise<ObjectStat | undefined> => {
  const there = await client.head(from)
  if (there === undefined) return undefined
  await client.copy(from, to, lockUntil)
  const copy = await client.head(to)
  if (copy?.sizeBytes !== there.sizeBytes)
    throw new StorageError('unavailable', 'The storage did not copy an object whole.')
  await client.remove(from)
  return { sizeBytes: there.sizeBytes, storedAt: there.storedAt }
}

const listBin = async function* ({
  client,
  root,
  prefix,
}: S3Place): AsyncGenerator<readonly BinnedObject[]> {
  for await (const page of listKeys(client, `${root}${binFolder}/`, prefix)) {
    yield page.flatMap(({ name, sizeBytes, storedAt }) => {
      const slash = name.indexOf('/')
      const type = objectTypes.find((one) => one === name.slice(0, Math.max(0, slash)))
      if (slash !== -1 && type === undefined) return []
      const parsed = parseBinName(type, name.slice(slash + 1))
      return parsed === undefined ? [] : [{ ...parsed, sizeBytes, storedAt }]
    })
  }
}

/**
 * The bin of a repository, below `.bin/`. Where objects are locked, each is locked here until its `keptUntil`.
 * [Note: times of copies] `storedAt` is the store's time of the copy, so what comes back counts as stored then.
 */
export const s3Bin = (place: S3Place): BinStore => {
  const { client, root, locks } = place
  const binKey = ({ ref, deletedAt, keptUntil }: BinnedObject): string =>
    root + binPathOf(ref, deletedAt, keptUntil)
  return {
    put: (ref, deletedAt, keptUntil) => {
      const key = root + pathOf(ref)
      return locks.run(key, async () => {
        // A copy replaces what has its name, which may be another config of the same moment.
        let at = deletedAt
        while ((await client.head(root + binPathOf(ref, at, keptUntil))) !== undefined) at += 1
        return move(client, key, root + binPathOf(ref, at, keptUntil), keptUntil)
      })
    },
    list: () => listBin(place),
    restore: (object) => {
      const key = root + pathOf(object.ref)
      return locks.run(key, async () => {
        if ((await client.head(key)) === undefined)
          return (await move(client, binKey(object), key, client.lockUntil())) !== undefined
        // Other bytes may stand in the place of a config.
        if (object.ref.type !== 'config') await client.remove(binKey(object))
        return false
      })
    },
    remove: (object) => client.remove(binKey(object)),
  }
}
