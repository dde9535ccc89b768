import { createHash } from 'node:crypto'
import { KeyedLock } from '../remote/keyed-lock.ts'
import type { RepositoryStorage } from '../storage.ts'
import { S3Client } from './s3-client.ts'
import { listKeys } from './s3-list.ts'
import type { S3Options } from './s3-options.ts'
import { s3Store } from './s3-store.ts'

export { type S3Options, s3Origin } from './s3-options.ts'

const removedAtOnce = 8

/** Deletes all keys below a folder, several at once. */
const removeAll = async (client: S3Client, root: string, prefix: string): Promise<void> => {
  for await (const page of listKeys(client, root, prefix)) {
    const names = page.map(({ name }) => name).values()
    const workers = Array.from({ length: removedAtOnce }, async () => {
      for (const name of names) await client.remove(root + name)
    })
    await Promise.all(workers)
  }
}

/**
 * Repositories in a bucket of any store that speaks S3, by folder below the prefix. Nothing is sent before it is used.
 * @throws StorageError for an endpoint that is no address
 */
export const openS3Storage = (options: S3Options): RepositoryStorage => {
  const client = new S3Client(options)
  const { prefix } = options
  const locks = new KeyedLock()
  const rootOf = (folder: readonly string[]): string => `${folder.join('/')}/`
  return {
    open: (folder) => s3Store({ client, root: rootOf(folder), prefix, locks }),
    destroy: (folder) => removeAll(client, rootOf(folder), prefix),
    freeBytes: () => undefined,
    close: async () => client.client.close(),
  }
}

/**
 * Stores an object with a lock of a minute and looks whether the store took it.
 * @returns false for a store that takes the object and not the lock
 * @throws StorageError where the store refuses, as those that know locks do for a bucket without them
 */
export const holdsObjectLock = async (options: S3Options, key: string): Promise<boolean> => {
  const until = 1 / (24 * 60)
  const client = new S3Client({ ...options, lockDays: () => until })
  try {
    const body = Buffer.from('hearthold')
    const asked = client.lockUntil()
    await client.putBytes(key, body, createHash('sha256').update(body).digest('hex'), false)
    const head = await client.head(key)
    await client.remove(key)
    const lockedUntil = Date.parse(
      String(head?.headers['x-amz-object-lock-retain-until-date'] ?? ''),
    )
    // Stores keep whole seconds.
    return head?.headers['x-amz-object-lock-mode'] === 'COMPLIANCE' && lockedUntil >= asked - 1000
  } finally {
    client.client.close()
  }
}
