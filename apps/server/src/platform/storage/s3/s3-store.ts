import { download } from '../remote/download.ts'
import { isObjectId, pathOf } from '../remote/layout.ts'
import { hashOfBytes } from '../remote/stored-hash.ts'
import { type WritablePlace, writeRemote } from '../remote/verified-write.ts'
import type {
  ListedObject,
  ObjectRef,
  ObjectStat,
  ObjectType,
  OpenedObject,
  RepositoryStore,
} from '../storage.ts'
import { s3Bin } from './s3-bin.ts'
import type { S3Client } from './s3-client.ts'
import { listKeys } from './s3-list.ts'
import type { S3Place } from './s3-place.ts'

const find = async (client: S3Client, key: string): Promise<ObjectStat | undefined> => {
  const head = await client.head(key)
  return head && { sizeBytes: head.sizeBytes, storedAt: head.storedAt }
}

const open = async (
  { client, root }: S3Place,
  ref: ObjectRef,
): Promise<OpenedObject | undefined> => {
  const key = root + pathOf(ref)
  const stat = await find(client, key)
  return (
    stat && {
      sizeBytes: stat.sizeBytes,
      read: (range) => download(client.client, (part) => client.get(key, part), range),
      close: () => undefined,
    }
  )
}

const writable = (place: S3Place, ref: ObjectRef): WritablePlace => {
  const { client, root } = place
  const key = root + pathOf(ref)
  return {
    key,
    stat: () => find(client, key),
    hash: async (isWanted = () => true) => {
      const opened = await open(place, ref)
      return opened && hashOfBytes(opened.read({ start: 0, end: opened.sizeBytes }), isWanted)
    },
    // What is verified may be replaced by itself: only a config asks the store whether it is the first.
    putBytes: (bytes, sha256, replace) =>
      client.putBytes(key, bytes, sha256, !replace && ref.type === 'config'),
    putStream: async (body, expected) => {
      await client.putStream(key, body, expected)
      return 'stored'
    },
  }
}

const listObjects = async function* (
  { client, root, prefix }: S3Place,
  type: ObjectType,
): AsyncGenerator<readonly ListedObject[]> {
  for await (const page of listKeys(client, `${root}${type}/`, prefix)) {
    yield page.flatMap(({ name, sizeBytes, storedAt }) => {
      const id = type === 'data' ? name.slice(3) : name
      const isOurs = isObjectId(id) && pathOf({ type, id }) === `${type}/${name}`
      return isOurs ? [{ id, sizeBytes, storedAt }] : []
    })
  }
}

/**
 * One repository in a bucket. A PUT shows nothing before it is whole, and replaces in one step. There are no folders, so
 * nothing has to be made and every type has its place.
 */
export const s3Store = (place: S3Place): RepositoryStore => {
  const { client, root, locks } = place
  return {
    // Tells a wrong bucket or key before a repository is promised.
    create: async () => void (await client.listPage(root, undefined)),
    stat: (ref) => find(client, root + pathOf(ref)),
    open: (ref) => open(place, ref),
    write: (ref, body, options) => writeRemote(writable(place, ref), ref, body, options, locks),
    remove: (ref) =>
      locks.run(root + pathOf(ref), async () => {
        const stat = await find(client, root + pathOf(ref))
        if (stat !== undefined) await client.remove(root + pathOf(ref))
        return stat
      }),
    list: (type) => listObjects(place, type),
    bin: s3Bin(place),
  }
}
