import type {
  ObjectStat,
  ObjectType,
  RepositoryStore,
  WriteOutcome,
} from '#platform/storage/storage.ts'
import { type ObjectRef, StorageError } from '#platform/storage/storage.ts'
import type { RepositoryAct, RepositoryCaller, RepositoryEvent } from '#platform/restic/policy.ts'
import type { RepositoryScope } from '@hearthold/contract'
import { noteAlarms } from './alarms.ts'
import type { BinClock } from './bin-clock.ts'
import type { Catalogue } from './catalogue.ts'
import type { Credential } from './credential-store.ts'
import { dayMs, type RepositoriesDeps } from './deps.ts'
import type { Live } from './live.ts'
import { binHasRoom, type MemberRoom, reserve } from './quota.ts'
import { deleteDamaged } from './store.ts'

/** What the requests of the protocol share. */
export type ProtocolParts = {
  readonly deps: RepositoriesDeps
  readonly catalogue: Catalogue
  readonly binClock: BinClock
  /** Told of all that happened, for the metrics. */
  readonly onEvent: (credential: Credential, live: Live, event: RepositoryEvent) => void
}

/**
 * What a scope allows. Whoever adds must read what is there (restic compares), and restic locks whatever it does: so
 * everybody reads, and everybody makes and removes locks.
 */
export const scopeAllows = (
  scope: RepositoryScope,
  act: RepositoryAct,
  type: ObjectType | 'config',
): boolean => {
  if (act === 'read' || type === 'locks') return true
  return scope === 'maintain' || (scope === 'append' && act === 'create')
}

/** Whether a credential still opens its repository; asked anew at each step, so that revoking works at once. */
export const opens = (
  { deps, catalogue }: ProtocolParts,
  credential: Credential,
  live: Live,
): boolean =>
  catalogue.credential(credential.name) === credential &&
  (credential.expiresAt === null || deps.clock.now() < credential.expiresAt) &&
  live.exists &&
  live.facts.removedAt === null &&
  catalogue.isActive(live.facts.account)

const nameOf = ({ type, id }: ObjectRef): string => `${type}/${id}`

const count = (credential: Credential, { act }: RepositoryEvent): void => {
  if (act === 'write') credential.writes += 1
  else if (act === 'remove') credential.deletions += 1
  else if (act === 'refused-removal') credential.refusedDeletions += 1
  else if (act === 'failed-verification') credential.failedVerifications += 1
  else return
  credential.dirty = true
}

/** One request of one credential, as the protocol asks about it. */
export const repositoryCaller = (
  parts: ProtocolParts,
  credential: Credential,
  live: Live,
  store: RepositoryStore,
  member: MemberRoom,
): RepositoryCaller => {
  const { deps, catalogue, onEvent } = parts
  /** What this request stored, and how large it was what it replaced. */
  let written: { ref: ObjectRef; sizeBytes: number; replacedBytes: number | undefined } | undefined

  const write: RepositoryStore['write'] = async (ref, body, options): Promise<WriteOutcome> => {
    // On the own disk asking costs nothing; other storages tell.
    const before = live.facts.storage === null ? await store.stat(ref) : undefined
    const outcome = await store.write(ref, body, options)
    live.storageFailedSince = undefined
    if (outcome.outcome === 'stored') {
      const replacedBytes = outcome.replacedBytes ?? before?.sizeBytes
      written = { ref, sizeBytes: outcome.sizeBytes, replacedBytes }
      await heal(deps, live, ref)
    }
    return outcome
  }
  const settled = (): void => {
    if (written === undefined) return
    const { ref, sizeBytes, replacedBytes } = written
    live.counts.stored(ref, sizeBytes, deps.clock.now(), replacedBytes)
    if (ref.type === 'snapshots') noteQuietly(deps, live)
  }

  return {
    store: watched(live, store, write),
    verify: true,
    may: (act, type) =>
      opens(parts, credential, live) ? scopeAllows(credential.scope, act, type) : 'gone',
    reserve: (ref, sizeBytes) => reserve(catalogue, live, member, ref, sizeBytes, settled),
    remove: (ref) => remove(parts, live, store, member, ref),
    onEvent: (event) => {
      count(credential, event)
      onEvent(credential, live, event)
    },
  }
}

/** The store with another way to write; whether it answers is noted. */
const watched = (
  live: Live,
  store: RepositoryStore,
  write: RepositoryStore['write'],
): RepositoryStore => {
  const { listJson } = store
  const noted = async <T>(work: () => T | Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      live.noteFailure(error)
      // The protocol has answers of its own for what a storage says.
      throw error
    }
  }
  return {
    create: () => noted(() => store.create()),
    stat: (ref) => store.stat(ref),
    open: (ref) => store.open(ref),
    write: (ref, body, options) => noted(() => write(ref, body, options)),
    remove: (ref) => store.remove(ref),
    list: (type) => noted(() => store.list(type)),
    ...(listJson === undefined
      ? {}
      : { listJson: (type, version) => listJson.call(store, type, version) }),
    bin: store.bin,
  }
}

/** An object is whole again, or gone. */
export const heal = async (deps: RepositoriesDeps, live: Live, ref: ObjectRef): Promise<void> => {
  if (!live.damaged.delete(nameOf(ref))) return
  await deleteDamaged(deps.db, live.facts.id, nameOf(ref))
  await noteAlarms(deps, live)
}

/** Where nobody waits for it; the hourly work makes up for what fails. */
const noteQuietly = (deps: RepositoriesDeps, live: Live): void => {
  noteAlarms(deps, live).catch((error: unknown) =>
    deps.log.warn({ err: error, repository: live.facts.id }, 'an alarm could not be written down'),
  )
}

const remove = async (
  { deps, catalogue, binClock }: ProtocolParts,
  live: Live,
  store: RepositoryStore,
  member: MemberRoom,
  ref: ObjectRef,
): Promise<ObjectStat | undefined> => {
  const { counts } = live
  if (ref.type === 'locks') {
    const removed = await store.remove(ref)
    if (removed !== undefined) counts.removed(ref, removed.sizeBytes)
    return removed
  }
  const stat = await store.stat(ref)
  if (stat === undefined) return undefined
  if (!binHasRoom(catalogue, live, member, stat.sizeBytes))
    throw new StorageError('full', 'The bin holds twice the quota: nothing more can be deleted.')
  const deletedAt = binClock.stamp(deps.clock.now())
  const keptUntil = deletedAt + live.facts.freezeDays * dayMs
  // Taken as it is asked for: of many deletions at once, each sees the others.
  counts.reservedBinBytes += stat.sizeBytes
  let moved: ObjectStat | undefined
  try {
    moved = await store.bin.put(ref, deletedAt, keptUntil)
  } finally {
    counts.reservedBinBytes -= stat.sizeBytes
  }
  if (moved === undefined) return undefined
  counts.binned(ref, moved.sizeBytes, deletedAt)
  // The object is in the bin, whatever happens to the notes.
  await noteRemoval(deps, live, ref, deletedAt).catch((error: unknown) =>
    deps.log.warn({ err: error, repository: live.facts.id }, 'a deletion could not be noted'),
  )
  return moved
}

const noteRemoval = async (
  deps: RepositoriesDeps,
  live: Live,
  ref: ObjectRef,
  deletedAt: number,
): Promise<void> => {
  await heal(deps, live, ref)
  if (live.facts.burstSince !== null || !live.counts.isBurst(deletedAt)) return
  await live.save({ burstSince: deletedAt })
  await noteAlarms(deps, live)
}
