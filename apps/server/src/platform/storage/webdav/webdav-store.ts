import { randomBytes } from 'node:crypto'
import { download } from '../remote/download.ts'
import { isObjectId, pathOf, temporaryMark } from '../remote/layout.ts'
import { hashOfBytes } from '../remote/stored-hash.ts'
import { type WritablePlace, writeRemote } from '../remote/verified-write.ts'
import {
  type ListedObject,
  type ObjectRef,
  type ObjectType,
  objectTypes,
  type OpenedObject,
  type RepositoryStore,
  StorageError,
} from '../storage.ts'
import type { ListedFile } from './propfind.ts'
import { webDavBin } from './webdav-bin.ts'
import type { WebDavClient } from './webdav-client.ts'
import { folderOf, type WebDavPlace } from './webdav-place.ts'

const dayMs = 24 * 3600_000
const listedAtOnce = 8

const open = async (
  { client, root }: WebDavPlace,
  ref: ObjectRef,
): Promise<OpenedObject | undefined> => {
  const path = root + pathOf(ref)
  const stat = await client.stat(path)
  return (
    stat && {
      sizeBytes: stat.sizeBytes,
      read: (range) => download(client.client, (part) => client.get(path, part), range),
      close: () => undefined,
    }
  )
}

/** What is whole gets its name. A server may have moved it although its answer was lost. */
const publish = async (
  client: WebDavClient,
  temporary: string,
  path: string,
  sizeBytes: number,
  replace: boolean,
): Promise<'stored' | 'exists'> => {
  if ((await client.stat(temporary))?.sizeBytes !== sizeBytes)
    throw new StorageError('unavailable', 'The storage did not store an object whole.')
  const outcome = await client.move(temporary, path, replace)
  if (outcome === 'moved') return 'stored'
  if (outcome === 'missing' && (await client.stat(path))?.sizeBytes !== sizeBytes)
    throw new StorageError('unavailable', 'The storage did not move an object to its name.')
  if (outcome === 'exists') await client.remove(temporary)
  return outcome === 'missing' ? 'stored' : 'exists'
}

/** Some servers keep what came of a body that was cut off, and notice the cut only after our DELETE: so it is sent twice. */
const clearAway = (client: WebDavClient, temporary: string): void => {
  // Nobody waits for this; what cannot be removed now is swept when it is a day old.
  const remove = (): void => void client.remove(temporary).catch(() => undefined)
  remove()
  setTimeout(remove, 1000).unref()
}

const writable = (place: WebDavPlace, ref: ObjectRef): WritablePlace => {
  const { client, root, collections } = place
  const path = root + pathOf(ref)
  const put = async (
    sizeBytes: number,
    replace: boolean,
    send: (temporary: string) => Promise<void>,
  ): Promise<'stored' | 'exists'> => {
    const temporary = `${path}${temporaryMark}${randomBytes(8).toString('hex')}`
    try {
      await collections.ensure(folderOf(path))
      await send(temporary)
      // Not every server heeds `Overwrite: F`; what hashes to its name may be replaced by itself, a config may not.
      if (ref.type === 'config' && (await client.stat(path)) !== undefined) {
        await client.remove(temporary)
        return 'exists'
      }
      return await publish(client, temporary, path, sizeBytes, replace)
    } catch (error) {
      collections.forget(folderOf(path))
      clearAway(client, temporary)
      throw error
    }
  }
  return {
    key: path,
    stat: () => client.stat(path),
    hash: async (isWanted = () => true) => {
      const opened = await open(place, ref)
      return opened && hashOfBytes(opened.read({ start: 0, end: opened.sizeBytes }), isWanted)
    },
    putBytes: (bytes, _sha256, replace) =>
      put(bytes.length, replace, (temporary) => client.putBytes(temporary, bytes)),
    putStream: (body, expected, replace) =>
      put(expected.sizeBytes, replace, (temporary) => client.putStream(temporary, body, expected)),
  }
}

/** Removes what an upload left behind that was cut off more than a day ago. */
const sweep = (
  { client, now }: WebDavPlace,
  folder: string,
  files: readonly ListedFile[],
): void => {
  for (const { name, storedAt } of files)
    if (name.includes(temporaryMark) && storedAt > 0 && storedAt < now() - dayMs)
      client.remove(folder + name).catch(() => undefined)
}

const listFolder = async function* (
  place: WebDavPlace,
  folder: string,
  isOurs: (id: string) => boolean,
): AsyncGenerator<readonly ListedObject[]> {
  for await (const files of (await place.client.list(folder)) ?? []) {
    sweep(place, folder, files)
    yield files.flatMap(({ name, sizeBytes, storedAt }) =>
      isObjectId(name) && isOurs(name) ? [{ id: name, sizeBytes, storedAt }] : [],
    )
  }
}

const shards = Array.from({ length: 256 }, (_, at) => at.toString(16).padStart(2, '0'))

const listShards = async function* (place: WebDavPlace): AsyncGenerator<readonly ListedObject[]> {
  for (let from = 0; from < shards.length; from += listedAtOnce) {
    const lists = shards.slice(from, from + listedAtOnce).map(async (shard) => {
      const all: ListedObject[] = []
      const folder = `${place.root}data/${shard}/`
      for await (const part of listFolder(place, folder, (id) => id.startsWith(shard)))
        all.push(...part)
      return all
    })
    yield (await Promise.all(lists)).flat()
  }
}

const list = async (
  place: WebDavPlace,
  type: ObjectType,
): Promise<AsyncIterable<readonly ListedObject[]> | undefined> => {
  const folder = `${place.root}${type}/`
  if (!(await place.client.hasCollection(folder))) return undefined
  return type === 'data' ? listShards(place) : listFolder(place, folder, () => true)
}

/**
 * One repository in a WebDAV folder, in rest-server's layout. A PUT goes to a temporary name in the same collection,
 * which no list shows, and is moved to its own once its length was seen to be right.
 */
export const webDavStore = (place: WebDavPlace): RepositoryStore => {
  const { client, root, collections, locks } = place
  return {
    create: async () => {
      await collections.ensure(root)
      for (const type of objectTypes) await collections.ensure(`${root}${type}/`)
    },
    stat: (ref) => client.stat(root + pathOf(ref)),
    open: (ref) => open(place, ref),
    write: (ref, body, options) => writeRemote(writable(place, ref), ref, body, options, locks),
    remove: (ref) =>
      locks.run(root + pathOf(ref), async () => {
        const stat = await client.stat(root + pathOf(ref))
        if (stat !== undefined) await client.remove(root + pathOf(ref))
        return stat
      }),
    list: (type) => list(place, type),
    bin: webDavBin(place),
  }
}
