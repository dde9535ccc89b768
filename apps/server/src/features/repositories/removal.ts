import {
  type AnswerOf,
  type BodyOf,
  ProblemError,
  type purgeRepository,
  type Repository,
} from '@hearthold/contract'
import type { SessionContext } from '#platform/access/session.ts'
import { inTransaction } from '#platform/db/index.ts'
import { emptyBin } from './bin.ts'
import { dayMs } from './deps.ts'
import type { Live } from './live.ts'
import { noteAlarms } from './alarms.ts'
import { type Parts, shown } from './parts.ts'
import { deleteRepository } from './store.ts'

/** In the place of `destroyedAt`: a part of it may be gone, also after a crash, so that it is never brought back. */
const destructionBegun = 0

const notInBin = (): ProblemError =>
  new ProblemError('not_found', 'There is no such repository in the bin.')

/** Puts a whole repository in the bin: it stays where it is, and nobody gets in. */
export const remove = async (
  { deps, catalogue, binClock }: Parts,
  session: SessionContext,
  id: string,
): Promise<Repository> => {
  const live = catalogue.own(session, id)
  await deps.members.checkFreshProof(session)
  return live.inTurn(async () => {
    if (live.facts.removedAt !== null)
      throw new ProblemError('repository_removed', 'This repository is in the bin already.')
    const removedAt = binClock.stamp(deps.clock.now())
    await live.save({ removedAt, destroyedAt: removedAt + live.facts.freezeDays * dayMs })
    await noteAlarms(deps, live)
    return shown(deps, live)
  })
}

/** Brings it back; where it is not in the bin, nothing happens. */
export const restore = async (
  { deps, catalogue }: Parts,
  session: SessionContext,
  id: string,
): Promise<Repository> => {
  const live = catalogue.own(session, id)
  return live.inTurn(async () => {
    if (live.facts.destroyedAt === destructionBegun || !live.exists) throw notInBin()
    if (live.facts.removedAt !== null) await live.save({ removedAt: null, destroyedAt: null })
    await noteAlarms(deps, live)
    return shown(deps, live)
  })
}

/** Destroys a repository with all it holds. @returns what was destroyed */
export const destroy = async (
  { deps, catalogue }: Parts,
  live: Live,
): Promise<{ objects: number; bytes: number }> => {
  // What is destroyed is told, as far as it is known.
  await live.count().catch(() => undefined)
  return live.inTurn(async () => {
    // Brought back while this waited for its turn.
    if (live.facts.removedAt === null || !live.exists) throw notInBin()
    await live.save({ destroyedAt: destructionBegun })
    const { counts, facts } = live
    const gone = {
      objects: counts.objects + counts.binObjects,
      bytes: counts.usedBytes + counts.binBytes,
    }
    await live.guard(async () => {
      const storage = await deps.openStorage(facts.storage, () => facts.freezeDays)
      await storage.destroy(live.folder)
    })
    await inTransaction(deps.db, (trx) => deleteRepository(trx, facts.id))
    catalogue.remove(live)
    deps.log.info({ repository: facts.id, ...gone }, 'a repository was destroyed')
    return gone
  })
}

/** The host's override of the time lock. */
export const purge = async (
  parts: Parts,
  session: SessionContext,
  id: string,
  { name, secondFactor }: BodyOf<typeof purgeRepository>,
  caller: { address: string; client: string },
): Promise<AnswerOf<typeof purgeRepository>> => {
  const { deps, catalogue } = parts
  const live = catalogue.any(id)
  if (name !== live.facts.name)
    throw new ProblemError('bad_request', 'This is not the name of the repository.')
  await deps.members.checkSecondFactor(session, secondFactor, caller)
  deps.log.warn(
    { repository: id, account: session.account, whole: live.facts.removedAt !== null },
    'a host destroys what the time lock keeps',
  )
  return live.facts.removedAt === null ? emptyBin(live) : destroy(parts, live)
}
