/** What tests of storages share: a storage under test, and acts on it that check what they can. */
import assert from 'node:assert/strict'
import { createHash, randomInt } from 'node:crypto'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type BinnedObject,
  type ListedObject,
  type ObjectRef,
  type ObjectType,
  type RepositoryStorage,
  type RepositoryStore,
  StorageError,
  type StorageFailure,
  type WriteOptions,
} from './storage.ts'

/** A storage under test, and what can be done to it from behind. */
export type SuiteWorld = {
  readonly storage: RepositoryStorage
  /** Puts a file below a repository, as something other than the driver would. */
  plant(folder: readonly string[], path: string, bytes: Buffer): Promise<void>
  /** Paths of all files below a repository, those on their way included. */
  paths(folder: readonly string[]): Promise<readonly string[]>
  /** False where an upload must declare its length. */
  readonly takesUnknownLength: boolean
}
export type SuiteCase = {
  readonly name: string
  readonly run: (world: SuiteWorld) => Promise<void>
}

/** Above what a driver may hold in memory, and no multiple of any buffer's size. */
export const largeBytes = 700_001
export const sha256 = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex')

let made = 0
/** A folder that no other case has. */
export const freshFolder = (): string[] => ['suite', `case-${made++}`]

export const freshStore = async (
  { storage }: SuiteWorld,
  folder = freshFolder(),
): Promise<{ store: RepositoryStore; folder: string[] }> => {
  const store = storage.open(folder)
  await store.create()
  return { store, folder }
}

export const refOf = (
  bytes: Uint8Array,
  type: ObjectType = 'data',
): ObjectRef & { id: string } => ({
  type,
  id: sha256(bytes),
})
export const config: ObjectRef = { type: 'config', id: '' }

/** A body in pieces of chance length; `cutAt` ends it by an error. */
export const bodyOf = (bytes: Buffer, cutAt?: number): Readable => {
  const pieces = function* (): Generator<Buffer> {
    for (let at = 0; at < (cutAt ?? bytes.length);) {
      const end = Math.min(at + randomInt(1, 70_000), cutAt ?? bytes.length)
      yield bytes.subarray(at, end)
      at = end
    }
    if (cutAt !== undefined) throw new Error('cut')
  }
  return Readable.from(pieces(), { objectMode: false })
}

export const write = (
  store: RepositoryStore,
  ref: ObjectRef,
  bytes: Buffer,
  options: Partial<WriteOptions> = {},
) =>
  store.write(ref, bodyOf(bytes), {
    sizeBytes: bytes.length,
    verify: ref.type !== 'config',
    ...options,
  })

export const store = async (repository: RepositoryStore, bytes: Buffer, type?: ObjectType) => {
  const ref = refOf(bytes, type)
  assert.deepEqual(await write(repository, ref, bytes), {
    outcome: 'stored',
    sizeBytes: bytes.length,
  })
  return ref
}

export const readRange = async (
  repository: RepositoryStore,
  ref: ObjectRef,
  start = 0,
  end?: number,
): Promise<Buffer | undefined> => {
  const opened = await repository.open(ref)
  if (opened === undefined) return undefined
  const answer = opened.read({ start, end: end ?? opened.sizeBytes })
  if ('bytes' in answer) return Buffer.from(answer.bytes)
  const parts: Buffer[] = []
  // A piece is only good until the next is asked for.
  for await (const piece of answer.pieces) parts.push(Buffer.from(piece))
  answer.close()
  return Buffer.concat(parts)
}

export const listOf = async (
  repository: RepositoryStore,
  type: ObjectType,
): Promise<ListedObject[]> => {
  const all: ListedObject[] = []
  for await (const part of (await repository.list(type)) ?? []) all.push(...part)
  return all.sort((a, b) => (a.id < b.id ? -1 : 1))
}

export const binOf = async (repository: RepositoryStore): Promise<BinnedObject[]> => {
  const all: BinnedObject[] = []
  for await (const part of repository.bin.list()) all.push(...part)
  return all.sort((a, b) => a.deletedAt - b.deletedAt)
}

export const fails = (work: Promise<unknown>, failure: StorageFailure): Promise<void> =>
  assert.rejects(work, (error) => {
    assert.ok(error instanceof StorageError, `${String(error)} is no StorageError`)
    assert.equal(error.failure, failure, error.message)
    return true
  })

/** What is cleared up after a refusal may take a moment; nothing but these files may stay. */
export const leaves = async (
  { paths }: SuiteWorld,
  folder: string[],
  wanted: readonly string[],
): Promise<void> => {
  let there: readonly string[] = []
  for (let tries = 0; tries < 100; tries += 1) {
    there = (await paths(folder)).toSorted()
    if (there.length === wanted.length) break
    await sleep(20)
  }
  assert.deepEqual(there, wanted.toSorted())
}

export const dataPath = (id: string): string => `data/${id.slice(0, 2)}/${id}`
