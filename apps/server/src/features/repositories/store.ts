import type { Report, RepositoryAlarm } from '@hearthold/contract'
import type { Selectable } from 'kysely'
import type { On, Trx } from './deps.ts'
import type { RepositoryTables } from './tables.ts'

/** What was counted when it was counted last; shown until it is counted anew. */
export type KnownCounts = {
  readonly usedBytes: number
  readonly objects: number
  readonly snapshots: number
  readonly newestSnapshotAt: number | null
  readonly snapshotDays: readonly string[]
  readonly binBytes: number
  readonly binObjects: number
}

/** Where the scrub stands. */
export type ScrubState = {
  readonly startedAt: number | null
  /** Of the round that `startedAt` names; null while it is under way. */
  readonly finishedAt: number | null
  /** The last object that was checked, `type/id`; empty at the beginning of a round. */
  readonly cursor: string
  readonly checkedObjects: number
  readonly checkedBytes: number
  /** A member asked for it: without the pauses of the 30 days. */
  readonly atOnce: boolean
}

/** A row, as the feature works with it. */
export type RepositoryFacts = {
  readonly id: string
  readonly account: string
  readonly name: string
  readonly storage: string | null
  readonly createdAt: number
  readonly removedAt: number | null
  readonly destroyedAt: number | null
  readonly quotaBytes: number | null
  readonly freezeDays: number
  readonly alarmAfterHours: number | null
  readonly counts: KnownCounts
  readonly scrub: ScrubState
  readonly burstSince: number | null
  readonly burstSeenAt: number | null
  readonly maintain: Report | null
  readonly drill: Report | null
  readonly alarms: readonly RepositoryAlarm[]
}

export const nothingCounted: KnownCounts = {
  usedBytes: 0,
  objects: 0,
  snapshots: 0,
  newestSnapshotAt: null,
  snapshotDays: [],
  binBytes: 0,
  binObjects: 0,
}

export const neverScrubbed: ScrubState = {
  startedAt: null,
  finishedAt: null,
  cursor: '',
  checkedObjects: 0,
  checkedBytes: 0,
  atOnce: false,
}

type Row = Selectable<RepositoryTables['repositories']>

const reportOf = (text: string | null): Report | null =>
  text === null ? null : (JSON.parse(text) as Report)
const reportText = (report: Report | null): string | null =>
  report === null ? null : JSON.stringify(report)

const factsOf = (row: Row): RepositoryFacts => ({
  id: row.id,
  account: row.account,
  name: row.name,
  storage: row.storage,
  createdAt: row.created_at,
  removedAt: row.removed_at,
  destroyedAt: row.destroyed_at,
  quotaBytes: row.quota_bytes,
  freezeDays: row.freeze_days,
  alarmAfterHours: row.alarm_after_hours,
  counts: JSON.parse(row.counts) as KnownCounts,
  scrub: JSON.parse(row.scrub) as ScrubState,
  burstSince: row.burst_since,
  burstSeenAt: row.burst_seen_at,
  maintain: reportOf(row.maintain_report),
  drill: reportOf(row.drill_report),
  alarms: JSON.parse(row.alarms) as RepositoryAlarm[],
})

const rowOf = (facts: RepositoryFacts): Row => ({
  id: facts.id,
  account: facts.account,
  name: facts.name,
  storage: facts.storage,
  created_at: facts.createdAt,
  removed_at: facts.removedAt,
  destroyed_at: facts.destroyedAt,
  quota_bytes: facts.quotaBytes,
  freeze_days: facts.freezeDays,
  alarm_after_hours: facts.alarmAfterHours,
  counts: JSON.stringify(facts.counts),
  scrub: JSON.stringify(facts.scrub),
  burst_since: facts.burstSince,
  burst_seen_at: facts.burstSeenAt,
  maintain_report: reportText(facts.maintain),
  drill_report: reportText(facts.drill),
  alarms: JSON.stringify(facts.alarms),
})

export const listRepositoryFacts = async (on: On): Promise<RepositoryFacts[]> => {
  const rows = await on.selectFrom('repositories').selectAll().orderBy('created_at').execute()
  return rows.map(factsOf)
}

export const insertRepository = async (on: On, facts: RepositoryFacts): Promise<void> => {
  await on.insertInto('repositories').values(rowOf(facts)).execute()
}

/** Writes the whole row: it is small, and kept in memory whole. */
export const saveRepository = async (on: On, facts: RepositoryFacts): Promise<void> => {
  await on.updateTable('repositories').set(rowOf(facts)).where('id', '=', facts.id).execute()
}

/** Forgets a repository with its credentials. */
export const deleteRepository = async (trx: Trx, id: string): Promise<void> => {
  await trx.deleteFrom('repository_credentials').where('repository', '=', id).execute()
  await trx.deleteFrom('repository_damaged').where('repository', '=', id).execute()
  await trx.deleteFrom('repositories').where('id', '=', id).execute()
}

/** An object whose bytes are not those of its name, by `type/id`. */
export type DamagedObject = { readonly sizeBytes: number; readonly foundAt: number }

export const listDamaged = async (
  on: On,
): Promise<(DamagedObject & { repository: string; object: string })[]> => {
  const rows = await on.selectFrom('repository_damaged').selectAll().execute()
  return rows.map(({ repository, type, object, size_bytes, found_at }) => ({
    repository,
    object: `${type}/${object}`,
    sizeBytes: size_bytes,
    foundAt: found_at,
  }))
}

/** @param object `type/id` */
export const insertDamaged = async (
  on: On,
  repository: string,
  object: string,
  { sizeBytes, foundAt }: DamagedObject,
): Promise<void> => {
  const [type = '', id = ''] = object.split('/')
  await on
    .insertInto('repository_damaged')
    .values({ repository, type, object: id, size_bytes: sizeBytes, found_at: foundAt })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** @param object `type/id` */
export const deleteDamaged = async (on: On, repository: string, object: string): Promise<void> => {
  const [type = '', id = ''] = object.split('/')
  await on
    .deleteFrom('repository_damaged')
    .where('repository', '=', repository)
    .where('type', '=', type)
    .where('object', '=', id)
    .execute()
}
