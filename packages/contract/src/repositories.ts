import { Type } from 'typebox'
import { endpoint } from './endpoint.ts'
import { Report, Repository, RepositoryName, ReportKind, StorageId } from './repository-shapes.ts'
import { Exact, Hex32, Id, SecondFactorCode, Size, Time } from './schemas.ts'

const OfRepository = Exact({ repository: Id })

/** Days that a deleted object waits in the bin, at least and at most. */
export const freezeDaysMinimum = 1
export const freezeDaysLimit = 3650
const FreezeDays = Type.Integer({ minimum: freezeDaysMinimum, maximum: freezeDaysLimit })
/** Hours after which a repository without a new snapshot raises an alarm; null for never. */
const AlarmAfterHours = Type.Union([Type.Integer({ minimum: 1, maximum: 24 * 366 }), Type.Null()])
const QuotaBytes = Type.Union([Size, Type.Null()])

export const listRepositories = endpoint({
  name: 'listRepositories',
  method: 'GET',
  path: '/api/repositories',
  access: 'member',
  summary: "The caller's repositories, those in the bin too.",
  answer: Exact({ repositories: Type.Array(Repository) }),
})
export const listEveryRepository = endpoint({
  name: 'listEveryRepository',
  method: 'GET',
  path: '/api/repositories/all',
  access: 'host',
  summary: 'The repositories of all members.',
  answer: Exact({ repositories: Type.Array(Repository) }),
})
export const createRepository = endpoint({
  name: 'createRepository',
  method: 'POST',
  path: '/api/repositories',
  access: 'member',
  summary: "Makes an empty repository, or takes up the folder of that name in the member's place.",
  body: Exact({
    name: RepositoryName,
    storage: Type.Optional(StorageId),
    quotaBytes: Type.Optional(QuotaBytes),
    freezeDays: Type.Optional(FreezeDays),
    alarmAfterHours: Type.Optional(AlarmAfterHours),
  }),
  answer: Repository,
  problems: ['repository_exists', 'repository_name_invalid', 'storage_failed'],
})
export const getRepository = endpoint({
  name: 'getRepository',
  method: 'GET',
  path: '/api/repositories/:repository',
  access: 'member',
  summary: 'One repository. Hosts see those of others too.',
  params: OfRepository,
  answer: Repository,
})
/**
 * A shorter freeze holds for what is deleted from then on: see REPO-5. What protects less needs a fresh proof: a shorter
 * freeze, a lower quota, a later or no alarm, the end of an alarm about many deletions.
 */
export const updateRepository = endpoint({
  name: 'updateRepository',
  method: 'PATCH',
  path: '/api/repositories/:repository',
  access: 'member',
  summary: 'Quota, freeze and alarm.',
  params: OfRepository,
  body: Exact({
    quotaBytes: Type.Optional(QuotaBytes),
    freezeDays: Type.Optional(FreezeDays),
    alarmAfterHours: Type.Optional(AlarmAfterHours),
    /** Ends the alarm about many deletions at once. */
    burstSeen: Type.Optional(Type.Literal(true)),
  }),
  answer: Repository,
  problems: ['step_up_needed'],
})
export const removeRepository = endpoint({
  name: 'removeRepository',
  method: 'DELETE',
  path: '/api/repositories/:repository',
  access: 'member',
  summary: 'Puts a whole repository in the bin, for the days of its freeze. Its credentials rest.',
  params: OfRepository,
  answer: Repository,
  problems: ['step_up_needed', 'repository_removed'],
})
export const restoreRepository = endpoint({
  name: 'restoreRepository',
  method: 'POST',
  path: '/api/repositories/:repository/restore',
  access: 'member',
  summary: 'Brings a whole repository back from the bin.',
  params: OfRepository,
  answer: Repository,
})
/** The host's override of the time lock. */
export const purgeRepository = endpoint({
  name: 'purgeRepository',
  method: 'POST',
  path: '/api/repositories/:repository/purge',
  access: 'host',
  summary: 'Destroys a repository that is in the bin, or empties the bin of one that is not.',
  params: OfRepository,
  body: Exact({
    /** The name, typed: what is destroyed here never comes back. */
    name: RepositoryName,
    secondFactor: Type.Optional(SecondFactorCode),
  }),
  answer: Exact({ objects: Type.Integer(), bytes: Size }),
  problems: [
    'step_up_needed',
    'second_factor_needed',
    'second_factor_wrong',
    'locked_out',
    'storage_failed',
  ],
})

/** What was deleted within one hour, by kind. */
const BinGroup = Exact({
  deletedAt: Time,
  /** The last of them is destroyed then. */
  keptUntil: Time,
  snapshots: Type.Integer(),
  objects: Type.Integer(),
  bytes: Size,
})
export const getBin = endpoint({
  name: 'getBin',
  method: 'GET',
  path: '/api/repositories/:repository/bin',
  access: 'member',
  summary: 'What waits in the bin of a repository, newest first.',
  params: OfRepository,
  answer: Exact({ groups: Type.Array(BinGroup), objects: Type.Integer(), bytes: Size }),
  problems: ['storage_failed'],
})
export const restoreBin = endpoint({
  name: 'restoreBin',
  method: 'POST',
  path: '/api/repositories/:repository/bin/restore',
  access: 'member',
  summary: 'Brings back what was deleted since a time; without one, everything in the bin.',
  params: OfRepository,
  body: Exact({ deletedSince: Type.Optional(Time) }),
  answer: Exact({ objects: Type.Integer(), bytes: Size }),
  problems: ['over_quota', 'storage_failed'],
})
export const startScrub = endpoint({
  name: 'startScrub',
  method: 'POST',
  path: '/api/repositories/:repository/scrub',
  access: 'member',
  summary: 'Begins at once to read every object and compare it with its name.',
  params: OfRepository,
  answer: Repository,
})
export const addReport = endpoint({
  name: 'addReport',
  method: 'POST',
  path: '/api/repositories/:repository/reports',
  access: 'member',
  summary: "Tells how maintenance or a drill on the member's machine ended.",
  params: OfRepository,
  body: Exact({
    kind: ReportKind,
    ok: Type.Boolean(),
    startedAt: Time,
    files: Type.Optional(Size),
    bytes: Type.Optional(Size),
    /** Hours until the next is expected; later than that and a third more raises an alarm. Null: none is expected. */
    expectedEveryHours: Type.Union([Type.Integer({ minimum: 1, maximum: 24 * 366 }), Type.Null()]),
  }),
  answer: Report,
})
/** For the reader (REPO-8). `data` is not listed: readers find packs by the index. */
export const listRepositoryObjects = endpoint({
  name: 'listRepositoryObjects',
  method: 'GET',
  path: '/api/repositories/:repository/objects/:type',
  access: 'member',
  summary: 'Names and sizes of the objects of one type.',
  params: Exact({
    repository: Id,
    type: Type.Union([
      Type.Literal('keys'),
      Type.Literal('index'),
      Type.Literal('snapshots'),
      Type.Literal('locks'),
    ]),
  }),
  answer: Exact({ objects: Type.Array(Exact({ id: Hex32, sizeBytes: Size })) }),
  problems: ['storage_failed'],
})
/** Ranges by the Range header (one range). `config` has the id of 64 zeros. */
export const readRepositoryObject = endpoint({
  name: 'readRepositoryObject',
  method: 'GET',
  path: '/api/repositories/:repository/objects/:type/:id',
  access: 'member',
  summary: 'The bytes of an object, sealed by restic.',
  params: Exact({
    repository: Id,
    type: Type.Union([
      Type.Literal('config'),
      Type.Literal('keys'),
      Type.Literal('index'),
      Type.Literal('snapshots'),
      Type.Literal('locks'),
      Type.Literal('data'),
    ]),
    id: Hex32,
  }),
  answer: 'bytes',
  problems: ['range_not_satisfiable', 'storage_failed'],
})

export const repositoryEndpoints = [
  listRepositories,
  listEveryRepository,
  createRepository,
  getRepository,
  updateRepository,
  removeRepository,
  restoreRepository,
  purgeRepository,
  getBin,
  restoreBin,
  startScrub,
  addReport,
  listRepositoryObjects,
  readRepositoryObject,
] as const
