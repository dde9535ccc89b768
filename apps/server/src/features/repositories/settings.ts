import { randomBytes } from 'node:crypto'
import {
  type BodyOf,
  createRepository,
  ProblemError,
  type Repository,
  resticTypes,
  type updateRepository,
} from '@hearthold/contract'
import type { SessionContext } from '#platform/access/session.ts'
import { isUniqueViolation } from '#platform/db/index.ts'
import { noteAlarms } from './alarms.ts'
import { type Parts, shown } from './parts.ts'
import { Live } from './live.ts'
import { insertRepository, neverScrubbed, nothingCounted, type RepositoryFacts } from './store.ts'

const defaultFreezeDays = 30
const defaultAlarmHours = 36
/** Of one member; a machine or a purpose each. */
export const repositoriesPerAccount = 200

const exists = (): ProblemError =>
  new ProblemError('repository_exists', 'You have a repository of this name already.')

type Wanted = BodyOf<typeof createRepository>

const newFacts = (account: string, wanted: Wanted, now: number): RepositoryFacts => ({
  id: randomBytes(16).toString('hex'),
  account,
  name: wanted.name,
  storage: wanted.storage ?? null,
  createdAt: now,
  removedAt: null,
  destroyedAt: null,
  quotaBytes: wanted.quotaBytes ?? null,
  freezeDays: wanted.freezeDays ?? defaultFreezeDays,
  alarmAfterHours:
    wanted.alarmAfterHours === undefined ? defaultAlarmHours : wanted.alarmAfterHours,
  counts: nothingCounted,
  scrub: neverScrubbed,
  burstSince: null,
  burstSeenAt: null,
  maintain: null,
  drill: null,
  alarms: [],
})

/** Makes a repository; a folder that is there already, of rest-server say, is taken up as it is. */
export const create = async (
  parts: Parts,
  { account }: SessionContext,
  wanted: Wanted,
): Promise<Repository> => {
  const { deps, catalogue } = parts
  if (resticTypes.some((type) => type === wanted.name))
    throw new ProblemError('repository_name_invalid', 'restic keeps this name for itself.')
  if (catalogue.at(account, wanted.name) !== undefined) throw exists()
  const made = catalogue.making(account)
  try {
    if (catalogue.countOf(account) > repositoriesPerAccount)
      throw new ProblemError('rate_limited', 'Remove repositories that you no longer use first.')
    return await make(parts, newFacts(account, wanted, deps.clock.now()))
  } finally {
    made()
  }
}

const make = async ({ deps, catalogue }: Parts, facts: RepositoryFacts): Promise<Repository> => {
  const { db } = deps
  if (facts.storage !== null) await checkStorage(deps, facts.storage)
  const live = new Live(deps, facts)
  await live.guard(async () => (await live.store()).create())
  await live.count()
  try {
    await insertRepository(db, live.facts)
  } catch (error) {
    if (isUniqueViolation(error)) throw exists()
    // It may have been forgotten meanwhile; then its row is refused.
    if (facts.storage !== null) await checkStorage(deps, facts.storage)
    throw error
  }
  catalogue.add(live)
  return shown(deps, live)
}

/** @throws ProblemError `not_found` for one that nobody knows, `storage_failed` for one that does not open */
const checkStorage = async ({ openStorage }: Parts['deps'], storage: string): Promise<void> => {
  try {
    await openStorage(storage, () => 0)
  } catch (error) {
    if (error instanceof ProblemError) throw error
    throw new ProblemError('storage_failed', 'This storage does not open.', { cause: error })
  }
}

/** Infinity for what has no end. */
const limitOf = (value: number | null): number => value ?? Infinity

/**
 * What a stolen session must not do alone: with it a thief could destroy sooner, make backups fail, or keep anybody from
 * hearing of it.
 */
const weakens = (
  { quotaBytes, freezeDays, alarmAfterHours, burstSeen }: BodyOf<typeof updateRepository>,
  { facts }: Live,
): boolean =>
  (freezeDays !== undefined && freezeDays < facts.freezeDays) ||
  (quotaBytes !== undefined && limitOf(quotaBytes) < limitOf(facts.quotaBytes)) ||
  (alarmAfterHours !== undefined && limitOf(alarmAfterHours) > limitOf(facts.alarmAfterHours)) ||
  // Before the alarm too: it begins to count deletions anew.
  burstSeen === true

/**
 * Changes settings.
 * @throws ProblemError `step_up_needed` for what weakens the repository; then nothing is changed
 */
export const update = async (
  { deps, catalogue }: Parts,
  session: SessionContext,
  id: string,
  wanted: BodyOf<typeof updateRepository>,
): Promise<Repository> => {
  const live = catalogue.own(session, id)
  const { burstSeen, ...settings } = wanted
  if (weakens(wanted, live)) await deps.members.checkFreshProof(session)
  await live.save(settings)
  if (burstSeen) await endBurst(deps.clock.now(), live)
  await noteAlarms(deps, live)
  return shown(deps, live)
}

/** What was deleted until now raises no alarm any more. */
export const endBurst = async (now: number, live: Live): Promise<void> => {
  live.counts.forgetDeletions()
  await live.save({ burstSince: null, burstSeenAt: now })
}
