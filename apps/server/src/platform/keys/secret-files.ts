import { join } from 'node:path'
import { type Bytes, fromB64, fromUtf8, toB64 } from '@hearthold/crypto'
import { readSecretFile, writeSecretFile } from '../file-modes.ts'
import { KeysError } from './keys-error.ts'

/** A secret of one version. New things use the newest version, old ones name theirs. */
export type Versioned<T> = {
  readonly version: number
  readonly value: T
}

/** All versions of a secret that this instance still needs, oldest first; never empty. */
export type Versions<T> = {
  readonly current: Versioned<T>
  readonly all: readonly Versioned<T>[]
  /** @throws Error for a version that is not in the file: what was made with it cannot be used */
  get(version: number): T
}

export const versionsOf = <T>(name: string, all: readonly Versioned<T>[]): Versions<T> => {
  const byVersion = new Map(all.map(({ version, value }) => [version, value]))
  const current = all.at(-1)
  if (!current) throw new KeysError('unreadable', `The secret ${name} has no version.`)
  return {
    current,
    all,
    get: (version) => {
      const value = byVersion.get(version)
      if (value === undefined)
        throw new Error(`Version ${version} of the secret ${name} is missing`)
      return value
    },
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'

const readText = (path: string): string | undefined => {
  try {
    return fromUtf8(readSecretFile(path)).trim()
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

const unreadable = (path: string): KeysError =>
  new KeysError('unreadable', `${path} is not as the server wrote it. Put the original file back.`)

const decode = (path: string, text: string, lengthBytes: number): Bytes => {
  try {
    const bytes = fromB64(text)
    if (bytes.length === lengthBytes) return bytes
  } catch {
    // Answered below, without the text.
  }
  throw unreadable(path)
}

/** The root key's file: 32 bytes as base64url, as HEARTHOLD_ROOT_KEY_FILE takes it. Undefined where there is none. */
export const readRootKeyFile = (folder: string): Bytes | undefined => {
  const path = join(folder, 'root-key')
  const text = readText(path)
  return text === undefined ? undefined : decode(path, text, 32)
}

export const writeRootKeyFile = (folder: string, rootKey: Uint8Array): void =>
  writeSecretFile(join(folder, 'root-key'), `${toB64(rootKey)}\n`)

/** Lines `<version> <base64url>`, versions rising. Undefined where there is no file. */
export const readVersions = (
  folder: string,
  name: string,
  lengthBytes: number,
): Versioned<Bytes>[] | undefined => {
  const path = join(folder, name)
  const text = readText(path)
  if (text === undefined) return undefined
  let last = 0
  return text.split('\n').map((line) => {
    const found = /^([1-9][0-9]{0,8}) ([A-Za-z0-9_-]+)$/.exec(line)
    const version = Number(found?.[1])
    if (!found || version <= last) throw unreadable(path)
    last = version
    return { version, value: decode(path, found[2]!, lengthBytes) }
  })
}

export const writeVersions = (
  folder: string,
  name: string,
  all: readonly Versioned<Uint8Array>[],
): void =>
  writeSecretFile(
    join(folder, name),
    all.map(({ version, value }) => `${version} ${toB64(value)}\n`).join(''),
  )
