import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { ProblemError, type StorageSettings } from '@hearthold/contract'
import type { RemoteTuning } from '#platform/storage/remote/remote-client.ts'
import { holdsObjectLock, s3Origin } from '#platform/storage/s3/index.ts'
import {
  type ObjectRef,
  type RepositoryStorage,
  type RepositoryStore,
  StorageError,
} from '#platform/storage/storage.ts'
import { webDavUrl } from '#platform/storage/webdav/index.ts'
import { openDriver, s3OptionsOf } from './storages-drivers.ts'

/** Someone waits for the outcome. */
const trialMs = 60_000
const probeBytes = 1000

const invalid = (words: string): ProblemError => new ProblemError('storage_invalid', words)
const failed = (words: string, cause?: unknown): ProblemError =>
  new ProblemError('storage_failed', words, { cause })

/** What can be told without asking anybody. @throws ProblemError `storage_invalid` */
export const checkStorageSettings = (settings: StorageSettings): void => {
  if (settings.kind === 's3') {
    if (s3Origin(settings.endpoint) === undefined)
      throw invalid(
        'Give the endpoint as scheme, host and port: the bucket has a field of its own.',
      )
    // Both are sent in a header.
    if (![settings.region, settings.accessKey].every((text) => /^[\x21-\x7e]+$/.test(text)))
      throw invalid(
        'Give region and access key in plain letters, digits and signs, without spaces.',
      )
    if (/(?:^|\/)\.\.?\//.test(settings.prefix))
      throw invalid('Give a prefix without . and .. in it.')
  } else if (webDavUrl(settings.url) === undefined) {
    throw invalid('Give an address that begins with https, without a name or password in it.')
  }
}

const say = (step: string): ProblemError =>
  failed(`The storage took the trial object, and ${step}.`)

const read = async (store: RepositoryStore, ref: ObjectRef, start: number): Promise<Buffer> => {
  const opened = await store.open(ref)
  if (opened === undefined) throw say('does not give it back')
  const answer = opened.read({ start, end: opened.sizeBytes })
  if ('bytes' in answer) return Buffer.from(answer.bytes)
  const parts: Buffer[] = []
  for await (const piece of answer.pieces) parts.push(Buffer.from(piece))
  answer.close()
  return Buffer.concat(parts)
}

/** The lists of some stores are a moment behind. */
const isListed = async (store: RepositoryStore, id: string): Promise<boolean> => {
  for (let tries = 0; tries < 5; tries += 1) {
    if (tries > 0) await sleep(1000)
    for await (const part of (await store.list('snapshots')) ?? [])
      if (part.some((one) => one.id === id)) return true
  }
  return false
}

/** Writes, reads, lists, moves and removes an object in a folder of its own. */
const tryObject = async (storage: RepositoryStorage, now: number): Promise<void> => {
  const folder = [`hearthold-probe-${randomBytes(8).toString('hex')}`]
  const store = storage.open(folder)
  const bytes = randomBytes(probeBytes)
  const id = createHash('sha256').update(bytes).digest('hex')
  const ref = { type: 'snapshots', id } as const
  try {
    await store.create()
    const body = Readable.from([bytes], { objectMode: false })
    await store.write(ref, body, { sizeBytes: probeBytes, verify: true })
    if (!bytes.equals(await read(store, ref, 0))) throw say('gives back other bytes')
    if (!bytes.subarray(100).equals(await read(store, ref, 100)))
      throw say('gives back another part')
    if (!(await isListed(store, id))) throw say('does not list it')
    if ((await store.bin.put(ref, now, now)) === undefined) throw say('does not move it')
    if ((await store.stat(ref)) !== undefined) throw say('shows it after it was moved away')
    for await (const part of store.bin.list())
      for (const binned of part) await store.bin.restore(binned)
    if ((await store.remove(ref)) === undefined) throw say('does not move it back')
    if ((await store.stat(ref)) !== undefined) throw say('shows it after it was removed')
  } finally {
    // A folder that stays behind is an eyesore and no failure.
    await storage.destroy(folder).catch(() => undefined)
  }
}

const tryLocks = async (
  settings: Extract<StorageSettings, { kind: 's3' }>,
  secret: string,
  tuning: RemoteTuning,
): Promise<void> => {
  const options = s3OptionsOf(settings, secret, { tuning, lockDays: () => 0 })
  const key = `hearthold-probe-${randomBytes(8).toString('hex')}/locked`
  const holds = await holdsObjectLock(options, key).catch((error: unknown) => {
    if (error instanceof StorageError && error.cause === undefined)
      throw invalid(`This bucket does not take locks: ${error.message}`)
    throw error
  })
  if (!holds) throw invalid('This store takes objects and ignores their locks. Choose it without.')
}

const withinTime = async (work: Promise<void>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(failed('The storage did not answer in time.')), trialMs)
  })
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Uses a storage as a repository would, and with locks where they are asked for.
 * @throws ProblemError `storage_invalid`, `storage_failed` with what the storage said
 */
export const tryStorage = async (
  settings: StorageSettings,
  secret: string,
  tuning: RemoteTuning = {},
): Promise<void> => {
  checkStorageSettings(settings)
  const quick = { stallMs: 15_000, ...tuning }
  const unlocked = settings.kind === 's3' ? { ...settings, objectLock: false } : settings
  const storage = openDriver(unlocked, secret, { tuning: quick, lockDays: () => 0 })
  const work = async (): Promise<void> => {
    await tryObject(storage, Date.now())
    if (settings.kind === 's3' && settings.objectLock) await tryLocks(settings, secret, quick)
  }
  try {
    await withinTime(work())
  } catch (error) {
    throw error instanceof StorageError ? failed(error.message, error) : error
  } finally {
    await storage.close()
  }
}
