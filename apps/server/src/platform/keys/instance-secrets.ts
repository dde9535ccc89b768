import {
  type Bytes,
  fromB64,
  generateSigningSeed,
  randomBytes,
  signingPublicKey,
  toB64,
} from '@hearthold/crypto'
import { ready, server } from '@serenity-kit/opaque'
import type { Kysely } from 'kysely'
import { inTransaction } from '../db/index.ts'
import type { Clock } from '../clock.ts'
import { fingerprintOf } from './fingerprint.ts'
import { KeysError } from './keys-error.ts'
import {
  readRootKeyFile,
  readVersions,
  type Versioned,
  type Versions,
  versionsOf,
  writeRootKeyFile,
  writeVersions,
} from './secret-files.ts'
import type { KeysTables } from './tables.ts'

/** The instance's own secrets: one key, one job. */
export type InstanceSecrets = {
  /** Ed25519 seed that signs receipts and nothing else, and its public key, which members pin. */
  readonly signingSeed: Bytes
  readonly signingKey: Bytes
  /** OPAQUE server set-ups, in the library's base64url text. Losing one ends every password made with it. */
  readonly opaqueSetups: Versions<string>
  /** 32 bytes each: blind indexes, backup codes, invitations, stable answers about unknown names. */
  readonly peppers: Versions<Bytes>
}

type Found = {
  readonly rootKey: Bytes
  readonly opaque: readonly Versioned<Bytes>[]
  readonly pepper: readonly Versioned<Bytes>[]
  readonly signing: readonly Versioned<Bytes>[]
}

type Expected = ReadonlyMap<string, string>

const opaqueSetupBytes = 128
const rowName = (name: string, version: number): string => `${name}/${version}`

const readExpected = async (db: Kysely<KeysTables>): Promise<Expected> => {
  const rows = await db.selectFrom('instance_keys').selectAll().execute()
  return new Map(rows.map((row) => [rowName(row.name, row.version), row.fingerprint]))
}

const rootKeyAdvice =
  'Put the original back as root-key in the keys folder, or name it by HEARTHOLD_ROOT_KEY_FILE. ' +
  'Without it what the server sealed for its members cannot be opened; a new one does not help.'

/** @throws KeysError, saying which key this instance was made with */
const check = (
  expected: Expected,
  name: string,
  versions: readonly Versioned<Uint8Array>[],
): void => {
  for (const { version, value } of versions) {
    const wanted = expected.get(rowName(name, version))
    const found = fingerprintOf(name, value)
    if (wanted === undefined || wanted === found) continue
    throw new KeysError(
      'different',
      `This instance was made with another ${name}: expected the one with fingerprint ${wanted}, found ${found}. ` +
        (name === 'root-key'
          ? rootKeyAdvice
          : `Put the original ${name} back into the keys folder.`),
      wanted,
    )
  }
  const held = new Set(versions.map(({ version }) => rowName(name, version)))
  for (const [row, wanted] of expected) {
    if (!row.startsWith(`${name}/`) || held.has(row)) continue
    throw new KeysError(
      'missing',
      `The ${name} of this instance (version ${row.split('/')[1]}, fingerprint ${wanted}) is missing. ` +
        (name === 'root-key'
          ? rootKeyAdvice
          : `Put the original ${name} back into the keys folder.`),
      wanted,
    )
  }
}

/** Random and never derived from another: what stands nowhere cannot be found by whoever has the other. */
const makeFirst = async (name: string): Promise<Versioned<Bytes>[]> => {
  if (name === 'instance-signing') return [{ version: 1, value: generateSigningSeed() }]
  if (name === 'pepper') return [{ version: 1, value: randomBytes(32) }]
  await ready
  return [{ version: 1, value: fromB64(server.createSetup()) }]
}

const knows = (expected: Expected, name: string): boolean =>
  [...expected.keys()].some((row) => row.startsWith(`${name}/`))

const rootKeyOf = (keysDir: string, given: Uint8Array | undefined, expected: Expected): Bytes => {
  if (given && given.length !== 32)
    throw new KeysError('unreadable', 'The root key has not 32 bytes.')
  const found = given ? given.slice() : readRootKeyFile(keysDir)
  if (!found && knows(expected, 'root-key')) check(expected, 'root-key', [])
  if (found) {
    check(expected, 'root-key', [{ version: 1, value: found }])
    return found
  }
  const made = randomBytes(32)
  writeRootKeyFile(keysDir, made)
  return made
}

const versionedOf = async (
  keysDir: string,
  name: string,
  lengthBytes: number,
  expected: Expected,
): Promise<Versioned<Bytes>[]> => {
  const found = readVersions(keysDir, name, lengthBytes)
  if (found || knows(expected, name)) {
    check(expected, name, found ?? [])
    return found ?? []
  }
  const made = await makeFirst(name)
  writeVersions(keysDir, name, made)
  return made
}

/** Files first, fingerprints after: a crash in between leaves keys that the next start takes over. */
const record = async (
  db: Kysely<KeysTables>,
  clock: Clock,
  expected: Expected,
  found: Found,
): Promise<void> => {
  const rows = [
    { name: 'root-key', version: 1, value: found.rootKey },
    ...found.opaque.map((key) => ({ name: 'opaque-setup', ...key })),
    ...found.pepper.map((key) => ({ name: 'pepper', ...key })),
    ...found.signing.map((key) => ({ name: 'instance-signing', ...key })),
  ].filter(({ name, version }) => !expected.has(rowName(name, version)))
  if (rows.length === 0) return
  await inTransaction(db, (trx) =>
    trx
      .insertInto('instance_keys')
      .values(
        rows.map(({ name, version, value }) => ({
          name,
          version,
          fingerprint: fingerprintOf(name, value),
          created_at: clock.now(),
        })),
      )
      .execute(),
  )
}

/** Reads or makes all secrets of the instance. The keys folder must exist. Throws KeysError, FileModeError. */
export const openInstanceSecrets = async (options: {
  keysDir: string
  rootKey: Uint8Array | undefined
  db: Kysely<KeysTables>
  clock: Clock
}): Promise<{ rootKey: Bytes; secrets: InstanceSecrets }> => {
  const { keysDir, db, clock } = options
  const expected = await readExpected(db)
  const found: Found = {
    rootKey: rootKeyOf(keysDir, options.rootKey, expected),
    opaque: await versionedOf(keysDir, 'opaque-setup', opaqueSetupBytes, expected),
    pepper: await versionedOf(keysDir, 'pepper', 32, expected),
    signing: await versionedOf(keysDir, 'instance-signing', 32, expected),
  }
  await record(db, clock, expected, found)
  const signingSeed = versionsOf('instance-signing', found.signing).current.value
  const setups = found.opaque.map(({ version, value }) => ({ version, value: toB64(value) }))
  return {
    rootKey: found.rootKey,
    secrets: {
      signingSeed,
      signingKey: signingPublicKey(signingSeed),
      opaqueSetups: versionsOf('opaque-setup', setups),
      peppers: versionsOf('pepper', found.pepper),
    },
  }
}
