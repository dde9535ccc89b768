import type { BlobIndex } from './blob-index.ts'
import type { IndexReport } from './index-files.ts'
import { openKeys, type OpenKeysOptions } from './keys.ts'
import { resticLimits } from './limits.ts'
import { createTurns, type Turns } from './patient.ts'
import { ResticError } from './restic-error.ts'
import { type SealingKeys, unseal } from './sealed.ts'
import type { ResticSource } from './source.ts'
import { isId, isRecord, parseJson } from './values.ts'
import { startZstd } from './zstd.ts'

/** An opened repository: what the functions of this folder work on. It holds keys, and stays where it was opened. */
export type ResticRepository = {
  /** 64 hex digits, the same for its whole life. */
  readonly id: string
  readonly version: 1 | 2
  readonly source: ResticSource
  readonly keys: SealingKeys
  /** Requests at once. */
  readonly turns: Turns
  /** The index once it is loaded or on its way; `loadIndex` sets it. */
  loaded: Promise<{ readonly index: BlobIndex; readonly report: IndexReport }> | undefined
}

/** Requests for bytes at once, of all that is read from one repository. */
const requestsAtOnce = 6

const isMissing = (error: unknown): boolean =>
  error instanceof ResticError && error.code === 'object_missing'

const readConfig = async (
  source: ResticSource,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> => {
  try {
    const bytes = await source.read('config', '', undefined, signal)
    if (bytes.length <= resticLimits.configBytes) return bytes
  } catch (error) {
    if (!isMissing(error)) throw error
    throw new ResticError('not_a_repository', 'There is no restic repository: it has no config.', {
      cause: error,
    })
  }
  throw new ResticError(
    'not_a_repository',
    'There is no restic repository: its config is too long.',
  )
}

const parseConfig = (plain: Uint8Array): { id: string; version: 1 | 2 } => {
  const damaged = () => new ResticError('damaged', 'The config of the repository is damaged.')
  const value = parseJson(plain, damaged)
  if (!isRecord(value) || !isId(value['id'])) throw damaged()
  const { version, id } = value
  if (version !== 1 && version !== 2)
    throw new ResticError(
      'unsupported_version',
      'The repository is of a version that this reader does not know; it knows 1 and 2.',
    )
  return { id, version }
}

/**
 * Opens a repository by its password (text, or its very bytes); `quick` makes small pieces faster. Throws `ResticError`: `not_a_repository`, `no_keys`,
 * `wrong_password`, `key_damaged`, `key_refused`, `unsupported_version`, `damaged`; and what the source throws.
 */
export const openResticRepository = async (
  source: ResticSource,
  password: string | Uint8Array,
  options: OpenKeysOptions = {},
): Promise<ResticRepository> => {
  const { signal } = options
  const sealed = await readConfig(source, signal)
  const secret = typeof password === 'string' ? new TextEncoder().encode(password) : password
  const [keys] = await Promise.all([openKeys(source, secret, options), startZstd()])
  const config = parseConfig(await unseal(keys, sealed, 'The config of the repository'))
  return { ...config, source, keys, turns: createTurns(requestsAtOnce), loaded: undefined }
}
