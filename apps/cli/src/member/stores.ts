import { randomBytes } from 'node:crypto'
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { HeadStore, LogCache, ResumeStore } from '@hearthold/member'
import { readPrivate } from '../home/private-files.ts'
import type { ServerHome } from '../home/server-home.ts'

/** What the member package keeps between runs, as files of the home. */

/** Remembered heads. Read anew each time, since another process of this home may have seen more. */
export const headStore = (server: ServerHome): HeadStore => ({
  find: (log) => {
    const heads = server.knownHeads()
    return Promise.resolve(Object.hasOwn(heads, log) ? heads[log] : undefined)
  },
  put: (log, head) => server.raiseHeads({ [log]: head }),
})

/** Replaces a file whole, by a name that no other process takes; what a crash loses here can be made again. */
const replaceFile = (path: string, bytes: Uint8Array): void => {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`
  const file = openSync(temporary, 'wx', 0o600)
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at)
    closeSync(file)
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

const hexName = (name: string): string => {
  if (!/^[0-9a-f]{32}$/.test(name)) throw new RangeError('what is kept is named by an id')
  return name
}

/** Sealed states of logs: one file each, which only this account's keyring opens. */
export const logCache = (server: ServerHome): LogCache => ({
  load: async (log) => readPrivate(join(await server.cacheFolder('logs'), hexName(log))),
  save: async (log, sealed) => {
    const folder = await server.cacheFolder('logs')
    try {
      replaceFile(join(folder, hexName(log)), sealed)
    } catch {
      // Only the next start is slower: a full disk here is no reason to fail what was done at the server.
    }
  },
})

/** Sealed records of uploads under way: one file each. */
export const resumeStore = (server: ServerHome): ResumeStore => ({
  find: async (key) => readPrivate(join(await server.cacheFolder('uploads'), hexName(key))),
  put: async (key, sealed) =>
    replaceFile(join(await server.cacheFolder('uploads'), hexName(key)), sealed),
  remove: async (key) =>
    rmSync(join(await server.cacheFolder('uploads'), hexName(key)), { force: true }),
})
