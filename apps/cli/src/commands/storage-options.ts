import type { StorageSettings } from '@hearthold/contract'
import { CliError } from '../cli-error.ts'
import type { Option } from './verb.ts'

/** What describes a storage; the secret travels in a file or by standard input alone. */
export const storageSettings = [
  {
    name: 's3',
    value: 'URL',
    summary: 'An S3 store, by its endpoint: scheme, host and port',
    env: 'HEARTHOLD_STORAGE_S3',
  },
  {
    name: 'bucket',
    value: 'NAME',
    summary: 'S3: the bucket',
    env: 'HEARTHOLD_STORAGE_BUCKET',
  },
  {
    name: 'region',
    value: 'REGION',
    summary: 'S3: the region; us-east-1 if absent',
    env: 'HEARTHOLD_STORAGE_REGION',
  },
  {
    name: 'prefix',
    value: 'FOLDER',
    summary: 'S3: the folder within the bucket; its top if absent',
    env: 'HEARTHOLD_STORAGE_PREFIX',
  },
  {
    name: 'addressing',
    value: 'WAY',
    summary: 'S3: the bucket in the path, or before the host; path if absent',
    env: 'HEARTHOLD_STORAGE_ADDRESSING',
    choices: ['path', 'host'],
  },
  {
    name: 'access-key',
    value: 'KEY',
    summary: 'S3: the access key, whose secret key is the secret',
    env: 'HEARTHOLD_STORAGE_ACCESS_KEY',
  },
  {
    name: 'object-lock',
    value: 'ANSWER',
    summary: 'S3: lock each object for the freeze of its repository, yes or no; no if absent',
    env: 'HEARTHOLD_STORAGE_OBJECT_LOCK',
    choices: ['yes', 'no'],
  },
  {
    name: 'webdav',
    value: 'URL',
    summary: 'A WebDAV server, by the address of a folder',
    env: 'HEARTHOLD_STORAGE_WEBDAV',
  },
  {
    name: 'user',
    value: 'NAME',
    summary: 'WebDAV: the user, whose password is the secret',
    env: 'HEARTHOLD_STORAGE_USER',
  },
] as const satisfies readonly Option[]

export const secretOption = {
  name: 'secret-file',
  value: 'FILE',
  summary: 'The secret key or password, in a file or from standard input (-)',
  env: 'HEARTHOLD_STORAGE_SECRET_FILE',
  completes: 'file',
} as const satisfies Option

type Given = { readonly [Name in (typeof storageSettings)[number]['name']]: string | undefined }
type S3 = Extract<StorageSettings, { kind: 's3' }>
type WebDav = Extract<StorageSettings, { kind: 'webdav' }>

const ofS3 = [
  's3',
  'bucket',
  'region',
  'prefix',
  'addressing',
  'access-key',
  'object-lock',
] as const
const ofWebDav = ['webdav', 'user'] as const

const usage = (message: string, advice?: string): CliError => new CliError('usage', message, advice)

/** Whether any option of a kind was given. */
const isAny = (given: Given, names: readonly (keyof Given)[]): boolean =>
  names.some((name) => given[name] !== undefined)

const needed = (value: string | undefined, name: string): string => {
  if (value === undefined || value === '') throw usage(`--${name} is needed.`)
  return value
}

const folder = (prefix: string): string =>
  prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`

const s3Of = (given: Given, known: S3 | undefined): S3 => ({
  kind: 's3',
  endpoint: needed(given.s3 ?? known?.endpoint, 's3'),
  bucket: needed(given.bucket ?? known?.bucket, 'bucket'),
  region: given.region ?? known?.region ?? 'us-east-1',
  prefix: given.prefix === undefined ? (known?.prefix ?? '') : folder(given.prefix),
  addressing:
    given.addressing === undefined
      ? (known?.addressing ?? 'path')
      : given.addressing === 'host'
        ? 'host'
        : 'path',
  accessKey: needed(given['access-key'] ?? known?.accessKey, 'access-key'),
  objectLock:
    given['object-lock'] === undefined
      ? (known?.objectLock ?? false)
      : given['object-lock'] === 'yes',
})

const webDavOf = (given: Given, known: WebDav | undefined): WebDav => ({
  kind: 'webdav',
  url: needed(given.webdav ?? known?.url, 'webdav'),
  user: needed(given.user ?? known?.user, 'user'),
})

/**
 * The settings that options describe, on top of those of `known`; undefined where none was given.
 * Throws a usage error.
 */
export const settingsOf = (
  given: Given,
  known: StorageSettings | undefined,
): StorageSettings | undefined => {
  const [isS3, isWebDav] = [isAny(given, ofS3), isAny(given, ofWebDav)]
  if (isS3 && isWebDav)
    throw usage('Options of S3 and of WebDAV were given.', 'A storage is one of both.')
  if (isS3) return s3Of(given, known?.kind === 's3' ? known : undefined)
  if (isWebDav) return webDavOf(given, known?.kind === 'webdav' ? known : undefined)
  return undefined
}
