import { type Static, Type } from 'typebox'
import { endpoint } from './endpoint.ts'
import { StorageId } from './repository-shapes.ts'
import { Exact, Time } from './schemas.ts'

const OfStorage = Exact({ storage: StorageId })

const S3 = Exact({
  kind: Type.Literal('s3'),
  /** Scheme, host and port. */
  endpoint: Type.String({ minLength: 8, maxLength: 300 }),
  region: Type.String({ minLength: 1, maxLength: 60 }),
  bucket: Type.String({ pattern: '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$' }),
  /** Folder within the bucket; empty for its top. */
  prefix: Type.String({ maxLength: 200, pattern: '^([A-Za-z0-9._-]+/)*$' }),
  /** `path` puts the bucket in the path, `host` before the host name. */
  addressing: Type.Union([Type.Literal('path'), Type.Literal('host')]),
  accessKey: Type.String({ minLength: 1, maxLength: 200 }),
  /** Holds each object for the freeze (S3 Object Lock); refused where the store does not offer it. */
  objectLock: Type.Boolean(),
})
const WebDav = Exact({
  kind: Type.Literal('webdav'),
  /** The folder's address. */
  url: Type.String({ minLength: 8, maxLength: 500 }),
  user: Type.String({ maxLength: 200 }),
})
/** Where the objects of repositories may lie; the secret (secret key or password) is sealed and never answered. */
export const StorageSettings = Type.Union([S3, WebDav])
export type StorageSettings = Static<typeof StorageSettings>

const Secret = Type.String({ minLength: 1, maxLength: 1000 })
const StorageName = Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,63}$' })

/** For members: what they may choose. */
export const StorageChoice = Exact({
  storage: StorageId,
  name: StorageName,
  kind: Type.Union([Type.Literal('s3'), Type.Literal('webdav')]),
})
/** For hosts. */
export const Storage = Exact({
  storage: StorageId,
  name: StorageName,
  settings: StorageSettings,
  createdAt: Time,
  repositories: Type.Integer(),
})
export type Storage = Static<typeof Storage>

export const listStorageChoices = endpoint({
  name: 'listStorageChoices',
  method: 'GET',
  path: '/api/storage-choices',
  access: 'member',
  summary: 'Names and kinds of the storage configurations.',
  answer: Exact({ storages: Type.Array(StorageChoice) }),
})
export const listStorages = endpoint({
  name: 'listStorages',
  method: 'GET',
  path: '/api/storages',
  access: 'host',
  summary: 'The storage configurations, without their secrets.',
  answer: Exact({ storages: Type.Array(Storage) }),
})
/** A storage is tried (an object written, read, moved, listed and removed) before it is kept. */
export const createStorage = endpoint({
  name: 'createStorage',
  method: 'POST',
  path: '/api/storages',
  access: 'host',
  summary: 'Adds a storage configuration.',
  body: Exact({ name: StorageName, settings: StorageSettings, secret: Secret }),
  answer: Storage,
  problems: ['storage_exists', 'storage_failed', 'storage_invalid', 'step_up_needed'],
})
export const updateStorage = endpoint({
  name: 'updateStorage',
  method: 'PATCH',
  path: '/api/storages/:storage',
  access: 'host',
  summary: 'Changes settings or secret, once the changed ones have been tried.',
  params: OfStorage,
  body: Exact({
    settings: Type.Optional(StorageSettings),
    secret: Type.Optional(Secret),
  }),
  answer: Storage,
  problems: ['storage_failed', 'storage_invalid', 'step_up_needed'],
})
export const testStorage = endpoint({
  name: 'testStorage',
  method: 'POST',
  path: '/api/storages/:storage/test',
  access: 'host',
  summary: 'Tries a storage configuration.',
  params: OfStorage,
  answer: Exact({ ms: Type.Integer() }),
  problems: ['storage_failed'],
})
export const removeStorage = endpoint({
  name: 'removeStorage',
  method: 'DELETE',
  path: '/api/storages/:storage',
  access: 'host',
  summary: 'Forgets a storage configuration that no repository uses.',
  params: OfStorage,
  answer: Exact({ removed: Type.Boolean() }),
  problems: ['storage_in_use', 'step_up_needed'],
})

export const storageEndpoints = [
  listStorageChoices,
  listStorages,
  createStorage,
  updateStorage,
  testStorage,
  removeStorage,
] as const
