import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Repository } from '@hearthold/contract'
import type { SessionContext } from '#platform/access/session.ts'
import {
  type ObjectRef,
  type ObjectType,
  objectTypes,
  type RepositoryStore,
  StorageError,
} from '#platform/storage/storage.ts'
import { noteAlarms } from './alarms.ts'
import { heal } from './caller.ts'
import { dayMs, hourMs } from './deps.ts'
import type { Live } from './live.ts'
import { type Parts, shown } from './parts.ts'
import { insertDamaged, type ScrubState } from './store.ts'

/** Each object is read within 30 days; two of them are left for days on which the server was off. */
const roundMs = 28 * dayMs
/** At least so many an hour, so that a small repository is soon done. */
const leastPerHour = 32
/** Then it is another repository's turn. */
const batchLimit = 256
/** Names are taken from a listing by so many, so that a large repository is not listed for each few. */
const listedAtOnce = 4096
/** Bytes per ms: a scrub must not be felt. */
const gentleRate = 16 * 1024
const atOnceRate = 96 * 1024
/** Shorter pauses are added up. */
const pauseMs = 20

type Checked = { readonly ref: ObjectRef; readonly sizeBytes: number }
type Listed = { id: string; sizeBytes: number }

const nameOf = ({ type, id }: ObjectRef): string => `${type}/${id}`

/** The `limit` smallest ids after `after`, in order. */
const idsAfter = async (
  store: RepositoryStore,
  type: ObjectType,
  after: string,
  limit: number,
): Promise<Listed[]> => {
  let found: Listed[] = []
  const keepSmallest = (): void => {
    found = found.toSorted((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit)
  }
  const parts = await store.list(type)
  if (parts === undefined) return []
  for await (const part of parts) {
    for (const { id, sizeBytes } of part) if (id > after) found.push({ id, sizeBytes })
    if (found.length > limit * 8) keepSmallest()
  }
  keepSmallest()
  return found
}

/** The objects after a cursor: `config`, then type by type. None: the round is over. */
const nextObjects = async (
  store: RepositoryStore,
  cursor: string,
  limit: number,
): Promise<Checked[]> => {
  if (cursor === '') {
    const config = await store.stat({ type: 'config', id: '' })
    if (config !== undefined)
      return [{ ref: { type: 'config', id: '' }, sizeBytes: config.sizeBytes }]
  }
  const [at = '', after = ''] = cursor.split('/')
  for (const type of objectTypes) {
    if (at !== 'config' && type < at) continue
    const listed = await idsAfter(store, type, type === at ? after : '', limit)
    if (listed.length > 0)
      return listed.map(({ id, sizeBytes }) => ({ ref: { type, id }, sizeBytes }))
  }
  return []
}

/** Reads an object to its end. @returns undefined where it is gone; its SHA-256 else */
const hashOf = async (store: RepositoryStore, ref: ObjectRef): Promise<string | undefined> => {
  const object = await store.open(ref)
  if (object === undefined) return undefined
  const hash = createHash('sha256')
  const read = object.read({ start: 0, end: object.sizeBytes })
  if ('bytes' in read) return hash.update(read.bytes).digest('hex')
  try {
    let came = 0
    for await (const piece of read.pieces) {
      hash.update(piece)
      came += piece.length
    }
    if (came !== read.sizeBytes) throw new StorageError('short', 'An object ended early.')
    return hash.digest('hex')
  } finally {
    read.close()
  }
}

/** Whether an object is what its name says. One that cannot be read though its storage answers is not. */
const isWhole = async (store: RepositoryStore, ref: ObjectRef): Promise<boolean> => {
  const once = async (): Promise<boolean> => {
    const hash = await hashOf(store, ref)
    return hash === undefined || ref.type === 'config' || hash === ref.id
  }
  // It may have been replaced while it was read, or the line may have failed: a second look decides.
  if (await once().catch(() => false)) return true
  try {
    return await once()
  } catch {
    await store.stat(ref)
    return false
  }
}

/**
 * Reads every object of every repository now and then, one at a time, and compares it with its name. What is wrong is
 * written down and alarms; the upload of the same object heals it.
 */
export class Scrubber {
  readonly #parts: Parts
  /** Objects that each repository may have checked until the next hour. */
  readonly #allowed = new Map<Live, number>()
  /** Names from the last listing of the round under way. */
  readonly #listed = new Map<Live, { readonly startedAt: number | null; objects: Checked[] }>()
  #running: Promise<void> | undefined
  readonly #stopped = new AbortController()
  #debtMs = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Begins a round at once, or hurries the one under way. */
  async startNow(session: SessionContext, id: string): Promise<Repository> {
    const { catalogue, deps } = this.#parts
    const live = catalogue.own(session, id)
    const { scrub } = live.facts
    const underWay = scrub.startedAt !== null && scrub.finishedAt === null
    const state = underWay ? scrub : newRound(deps.clock.now())
    await live.save({ scrub: { ...state, atOnce: true } })
    this.#allowed.set(live, Infinity)
    this.#wake()
    return shown(deps, live)
  }

  /** Hourly: says how much of each repository is due, and goes on with it. */
  async continueAll(): Promise<void> {
    for (const live of this.#parts.catalogue.all()) await this.#allow(live)
    this.#wake()
  }

  /** Resolves when nothing is due any more, for tests. */
  async idle(): Promise<void> {
    await this.#running
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#running
  }

  async #allow(live: Live): Promise<void> {
    const { removedAt, scrub } = live.facts
    if (removedAt !== null) return void this.#allowed.delete(live)
    const now = this.#parts.deps.clock.now()
    const { startedAt, finishedAt } = scrub
    const startsNew =
      startedAt === null || (finishedAt !== null && now - startedAt >= roundMs) || startedAt > now
    if (startsNew) await live.save({ scrub: newRound(now) })
    this.#allowed.set(live, dueNow(live.facts.scrub, live.counts.objects, now))
  }

  #wake(): void {
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined
      // Asked for after the last look.
      if (this.#allowed.size > 0 && !this.#stopped.signal.aborted) this.#wake()
    })
  }

  async #work(): Promise<void> {
    while (this.#allowed.size > 0)
      for (const [live, allowed] of this.#allowed) {
        if (this.#stopped.signal.aborted) return
        await this.#batch(live, allowed)
      }
  }

  async #batch(live: Live, allowed: number): Promise<void> {
    const { log } = this.#parts.deps
    if (!live.exists) this.#listed.delete(live)
    try {
      const wanted = Math.min(allowed, batchLimit)
      const done = wanted <= 0 || !live.exists ? 0 : await this.#check(live, wanted)
      const left = (this.#allowed.get(live) ?? 0) - done
      if (done === 0 || left <= 0) this.#allowed.delete(live)
      else this.#allowed.set(live, left)
    } catch (error) {
      this.#allowed.delete(live)
      this.#listed.delete(live)
      if (!this.#stopped.signal.aborted)
        log.warn({ err: error, repository: live.facts.id }, 'a scrub could not go on')
    }
  }

  /** @returns how many objects were checked; 0 at the end of the round */
  async #check(live: Live, limit: number): Promise<number> {
    if (live.facts.scrub.finishedAt !== null) return 0
    const store = await live.store()
    const { startedAt } = live.facts.scrub
    const objects = await this.#next(live, store, limit)
    if (objects.length === 0) {
      const finishedAt = this.#parts.deps.clock.now()
      await live.save({ scrub: { ...live.facts.scrub, finishedAt, atOnce: false } })
      return 0
    }
    let state = live.facts.scrub
    for (const { ref, sizeBytes } of objects) {
      if (this.#stopped.signal.aborted || !live.exists) break
      const whole = await live.guard(() => isWhole(store, ref))
      await this.#note(live, ref, sizeBytes, whole)
      state = {
        ...state,
        cursor: nameOf(ref),
        checkedObjects: state.checkedObjects + 1,
        checkedBytes: state.checkedBytes + sizeBytes,
      }
      await this.#pause(sizeBytes, live.facts.scrub.atOnce)
    }
    // A round that was begun anew meanwhile goes on from its own beginning.
    if (live.facts.scrub.startedAt === startedAt)
      await live.save({ scrub: { ...state, atOnce: live.facts.scrub.atOnce } })
    return objects.length
  }

  async #next(live: Live, store: RepositoryStore, limit: number): Promise<Checked[]> {
    const { startedAt, cursor } = live.facts.scrub
    let listed = this.#listed.get(live)
    if (listed === undefined || listed.startedAt !== startedAt || listed.objects.length === 0) {
      const objects = await live.guard(() => nextObjects(store, cursor, listedAtOnce))
      listed = { startedAt, objects }
    }
    const next = listed.objects.slice(0, limit)
    const rest = listed.objects.slice(limit)
    if (rest.length > 0) this.#listed.set(live, { startedAt, objects: rest })
    else this.#listed.delete(live)
    return next
  }

  async #note(live: Live, ref: ObjectRef, sizeBytes: number, whole: boolean): Promise<void> {
    const { deps } = this.#parts
    if (whole) return heal(deps, live, ref)
    if (live.damaged.has(nameOf(ref))) return
    const damaged = { sizeBytes, foundAt: deps.clock.now() }
    live.damaged.set(nameOf(ref), damaged)
    await insertDamaged(deps.db, live.facts.id, nameOf(ref), damaged)
    await noteAlarms(deps, live)
  }

  async #pause(sizeBytes: number, atOnce: boolean): Promise<void> {
    this.#debtMs += sizeBytes / (atOnce ? atOnceRate : gentleRate)
    if (this.#debtMs < pauseMs) return
    const pause = this.#debtMs
    this.#debtMs = 0
    await delay(pause, undefined, { signal: this.#stopped.signal, ref: false }).catch(
      () => undefined,
    )
  }
}

const newRound = (now: number): ScrubState => ({
  startedAt: now,
  finishedAt: null,
  cursor: '',
  checkedObjects: 0,
  checkedBytes: 0,
  atOnce: false,
})

/** Objects that the coming hour must check, so that the round ends in time. */
export const dueNow = (scrub: ScrubState, objects: number, now: number): number => {
  if (scrub.finishedAt !== null) return 0
  if (scrub.atOnce) return Infinity
  const left = Math.max(0, objects - scrub.checkedObjects)
  const hoursLeft = Math.max(1, ((scrub.startedAt ?? now) + roundMs - now) / hourMs)
  return Math.max(leastPerHour, Math.ceil(left / hoursLeft))
}
