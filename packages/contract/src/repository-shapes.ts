import { type Static, Type } from 'typebox'
import { Exact, Id, Size, Time } from './schemas.ts'

/** Names that the restic protocol keeps for itself. */
export const resticTypes = ['config', 'data', 'index', 'keys', 'locks', 'snapshots'] as const
/** Part of a repository's address, so plain: 1 to 64 of a-z, 0-9, `.`, `_`, `-`, the first a letter or digit. No restic type. */
export const RepositoryName = Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,63}$' })
/** A named storage configuration. */
export const StorageId = Id

/** What a credential may do: *append* adds and reads, *read* reads, *maintain* also deletes, into the bin. All may set locks. */
export const RepositoryScope = Type.Union([
  Type.Literal('append'),
  Type.Literal('read'),
  Type.Literal('maintain'),
])
export type RepositoryScope = Static<typeof RepositoryScope>

export const ReportKind = Type.Union([Type.Literal('maintain'), Type.Literal('drill')])
export type ReportKind = Static<typeof ReportKind>

/** The last maintenance or drill, as the member's machine told it. */
export const Report = Exact({
  kind: ReportKind,
  ok: Type.Boolean(),
  startedAt: Time,
  reportedAt: Time,
  files: Type.Optional(Size),
  bytes: Type.Optional(Size),
  expectedEveryHours: Type.Union([Type.Integer(), Type.Null()]),
})
export type Report = Static<typeof Report>

/**
 * `overdue` the newest snapshot is too old · `burst` much was deleted at once · `damaged` an object no longer hashes to
 * its name · `maintain`, `drill` failed or overdue · `quota` 90 % used · `storage` cannot be reached
 */
export const RepositoryAlarm = Exact({
  kind: Type.Union([
    Type.Literal('overdue'),
    Type.Literal('burst'),
    Type.Literal('damaged'),
    Type.Literal('maintain'),
    Type.Literal('drill'),
    Type.Literal('quota'),
    Type.Literal('storage'),
  ]),
  since: Time,
})
export type RepositoryAlarm = Static<typeof RepositoryAlarm>

const Scrub = Exact({
  /** The round under way or, with `finishedAt`, the last one. Null before the first. */
  startedAt: Type.Union([Time, Type.Null()]),
  finishedAt: Type.Union([Time, Type.Null()]),
  checkedObjects: Type.Integer(),
  checkedBytes: Size,
  /** Objects that do not hash to their names, at most 100 of them as `type/id`. */
  damaged: Type.Array(Type.String()),
  damagedCount: Type.Integer(),
})

/** A repository as its owner and hosts see it. Counts are exact once `counted`; a storage out of reach leaves the last ones. */
export const Repository = Exact({
  repository: Id,
  /** Its owner. */
  account: Id,
  name: RepositoryName,
  /** Path below the public URL, with a slash at each end: `/repositories/<account>/<name>/`. */
  path: Type.String(),
  /** Null for the server's own disk. */
  storage: Type.Union([StorageId, Type.Null()]),
  createdAt: Time,
  /** When it was put in the bin, and when it is destroyed; null while it is in use. */
  removedAt: Type.Union([Time, Type.Null()]),
  destroyedAt: Type.Union([Time, Type.Null()]),
  quotaBytes: Type.Union([Size, Type.Null()]),
  freezeDays: Type.Integer(),
  alarmAfterHours: Type.Union([Type.Integer(), Type.Null()]),
  counted: Type.Boolean(),
  /** Without the bin. */
  usedBytes: Size,
  objects: Type.Integer(),
  snapshots: Type.Integer(),
  /** When the server received it; a client cannot choose this time. */
  newestSnapshotAt: Type.Union([Time, Type.Null()]),
  /** Days (as YYYY-MM-DD, UTC) of the last 60 on which a snapshot that is still there arrived. */
  snapshotDays: Type.Array(Type.String()),
  binBytes: Size,
  binObjects: Type.Integer(),
  scrub: Scrub,
  maintain: Type.Union([Report, Type.Null()]),
  drill: Type.Union([Report, Type.Null()]),
  alarms: Type.Array(RepositoryAlarm),
})
export type Repository = Static<typeof Repository>
