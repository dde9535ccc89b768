import { Type } from 'typebox'
import { endpoint } from './endpoint.ts'
import { Base64Url, Exact, Hex32, Hex64, Id, Seq, Size, Time } from './schemas.ts'

/** Largest append in bytes (all entries together) and largest number of entries in one append. */
export const appendLimitBytes = 4 * 1024 * 1024
export const appendLimitEntries = 64
/** Largest page of entries: whichever of the two is reached first. */
export const pageLimitEntries = 500
export const pageLimitBytes = 8 * 1024 * 1024

export const appendProblems = [
  'entry_invalid',
  'signature_invalid',
  'log_exists',
  'head_moved',
  'own_chain_broken',
  'base_stale',
  'basis_unknown',
  'epoch_stale',
  'device_unknown',
  'entry_refused',
  'log_read_only',
  'object_missing',
  'over_quota',
  'disk_full',
] as const

export const LogHead = Exact({
  log: Id,
  kind: Type.Integer(),
  seq: Seq,
  chain: Hex32,
  at: Time,
  entryBytes: Size,
})

/** Binary in, binary out: formats in docs/formats/logs.md (append, receipts). */
export const appendLogs = endpoint({
  name: 'appendLogs',
  method: 'POST',
  path: '/api/logs',
  access: 'member',
  summary:
    'Appends signed entries to one or more logs, all or nothing; a genesis begins a log. Not for account logs.',
  body: 'bytes',
  bodyLimitBytes: appendLimitBytes,
  answer: 'bytes',
  problems: appendProblems,
})
export const listLogs = endpoint({
  name: 'listLogs',
  method: 'GET',
  path: '/api/logs',
  access: 'member',
  summary: 'The logs this member can read.',
  answer: Exact({ logs: Type.Array(LogHead) }),
})
export const getLogHead = endpoint({
  name: 'getLogHead',
  method: 'GET',
  path: '/api/logs/:log',
  access: 'member',
  summary: "One log's head.",
  params: Exact({ log: Id }),
  answer: LogHead,
})
/** Binary page: docs/formats/logs.md (page). */
export const readLog = endpoint({
  name: 'readLog',
  method: 'GET',
  path: '/api/logs/:log/entries',
  access: 'member',
  summary: 'Entries after a number, oldest first, with the newest receipt.',
  params: Exact({ log: Id }),
  query: Exact({
    after: Seq,
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: pageLimitEntries })),
  }),
  answer: 'bytes',
})

const Checkpoint = Exact({
  seq: Seq,
  /** Sealed objects: the tree part and the keys part. */
  tree: Id,
  keys: Id,
  /** The signed header of docs/formats/checkpoint.md. */
  header: Base64Url(512),
  signature: Hex64,
})
export const getCheckpoint = endpoint({
  name: 'getCheckpoint',
  method: 'GET',
  path: '/api/logs/:log/checkpoint',
  access: 'member',
  summary: 'The newest checkpoint of a log.',
  params: Exact({ log: Id }),
  answer: Checkpoint,
})
export const putCheckpoint = endpoint({
  name: 'putCheckpoint',
  method: 'PUT',
  path: '/api/logs/:log/checkpoint',
  access: 'member',
  summary: 'Replaces the checkpoint by a newer one.',
  params: Exact({ log: Id }),
  body: Checkpoint,
  answer: Exact({ seq: Seq }),
  problems: [
    'entry_invalid',
    'signature_invalid',
    'device_unknown',
    'head_moved',
    'object_missing',
  ],
})

/** Registers of docs/formats/register.md; the value is sealed by the client. */
const RegisterName = Type.String({ pattern: '^[a-z0-9][a-z0-9/.-]{0,99}$' })
const Register = Exact({
  name: RegisterName,
  version: Seq,
  device: Id,
  sealedValue: Base64Url(64 * 1024),
  signature: Hex64,
  updatedAt: Time,
})
export const getRegister = endpoint({
  name: 'getRegister',
  method: 'GET',
  path: '/api/registers',
  access: 'member',
  summary: "One register of one's own.",
  query: Exact({ name: RegisterName }),
  answer: Register,
})
export const putRegister = endpoint({
  name: 'putRegister',
  method: 'PUT',
  path: '/api/registers',
  access: 'member',
  summary: 'Replaces a register by compare and set.',
  body: Exact({
    name: RegisterName,
    version: Type.Integer({ minimum: 1 }),
    device: Id,
    sealedValue: Base64Url(64 * 1024),
    signature: Hex64,
  }),
  bodyLimitBytes: 128 * 1024,
  answer: Exact({ version: Seq }),
  problems: ['register_moved', 'signature_invalid', 'device_unknown', 'over_quota', 'disk_full'],
})

export const logEndpoints = [
  appendLogs,
  listLogs,
  getLogHead,
  readLog,
  getCheckpoint,
  putCheckpoint,
  getRegister,
  putRegister,
] as const
