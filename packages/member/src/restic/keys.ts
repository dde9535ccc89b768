import { scrypt } from 'hash-wasm'
import { checkSignal } from './patient.ts'
import { resticLimits } from './limits.ts'
import { problemOf, ResticError, shortId, type ResticCode } from './restic-error.ts'
import { findUnsealed, importSealingKeys, type QuickCrypto, type SealingKeys } from './sealed.ts'
import type { ResticSource } from './source.ts'
import { hashOf, isRecord, parseJson, readBase64 } from './values.ts'

type KeyFile = {
  readonly costFactor: number
  readonly blockSize: number
  readonly parallelism: number
  readonly salt: Uint8Array<ArrayBuffer>
  readonly data: Uint8Array<ArrayBuffer>
}

const isPositive = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value > 0

const refused = (what: string) =>
  new ResticError(
    'key_refused',
    `${what} asks for more memory or time than any restic does; it was not tried.`,
  )

/** A key file as it stands. Throws `key_damaged`, and `key_refused` for parameters that no restic chooses. */
export const parseKeyFile = (bytes: Uint8Array, what: string): KeyFile => {
  const damaged = () => new ResticError('key_damaged', `${what} is damaged.`)
  const value = parseJson(bytes, damaged)
  if (!isRecord(value)) throw damaged()
  const { kdf, N: costFactor, r: blockSize, p: parallelism } = value
  if (kdf !== 'scrypt')
    throw new ResticError('key_refused', `${what} is for another function than scrypt.`)
  if (!isPositive(costFactor) || !isPositive(blockSize) || !isPositive(parallelism)) throw damaged()
  if (costFactor < 2 || costFactor > 2 ** 31 || !Number.isInteger(Math.log2(costFactor)))
    throw damaged()
  if (
    costFactor * blockSize * 128 > resticLimits.scryptMemoryBytes ||
    blockSize * parallelism * 128 > resticLimits.scryptMemoryBytes ||
    costFactor * blockSize * parallelism > resticLimits.scryptWork
  )
    throw refused(what)
  const [salt, data] = [readBase64(value['salt']), readBase64(value['data'])]
  if (!salt || !data) throw damaged()
  return { costFactor, blockSize, parallelism, salt, data }
}

/** The repository's keys out of an opened key file. */
const parseMasterKeys = async (
  plain: Uint8Array,
  what: string,
  quick: QuickCrypto | undefined,
): Promise<SealingKeys> => {
  const damaged = () => new ResticError('key_damaged', `${what} holds no keys of restic.`)
  const value = parseJson(plain, damaged)
  const mac = isRecord(value) ? value['mac'] : undefined
  if (!isRecord(value) || !isRecord(mac)) throw damaged()
  const [encrypt, macKey, factor] = [
    readBase64(value['encrypt']),
    readBase64(mac['k']),
    readBase64(mac['r']),
  ]
  if (encrypt?.length !== 32 || macKey?.length !== 16 || factor?.length !== 16) throw damaged()
  const bytes = new Uint8Array(64)
  bytes.set(encrypt)
  bytes.set(macKey, 32)
  bytes.set(factor, 48)
  const keys = await importSealingKeys(bytes, quick)
  for (const secret of [bytes, encrypt, macKey, factor]) secret.fill(0)
  return keys
}

const keysByPassword = async (password: Uint8Array, file: KeyFile): Promise<SealingKeys> => {
  const { costFactor, blockSize, parallelism, salt } = file
  const bytes = await scrypt({
    ...{ password, salt, costFactor, blockSize, parallelism },
    ...{ hashLength: 64, outputType: 'binary' },
  })
  const keys = await importSealingKeys(Uint8Array.from(bytes))
  bytes.fill(0)
  return keys
}

export type OpenKeysOptions = {
  readonly signal?: AbortSignal | undefined
  readonly quick?: QuickCrypto | undefined
}

const tryKeyFile = async (
  source: ResticSource,
  id: string,
  password: Uint8Array,
  { signal, quick }: OpenKeysOptions,
): Promise<SealingKeys | undefined> => {
  const what = `The key file ${shortId(id)}`
  const bytes = await source.read('keys', id, undefined, signal)
  if ((await hashOf(bytes)) !== id)
    throw new ResticError('key_damaged', `${what} does not hash to its name.`)
  const file = parseKeyFile(bytes, what)
  checkSignal(signal)
  const plain = await findUnsealed(await keysByPassword(password, file), file.data)
  if (!plain) return undefined
  const keys = await parseMasterKeys(plain, what, quick)
  plain.fill(0)
  return keys
}

const noneOpens = (codes: readonly ResticCode[], tried: number, message: string): ResticError => {
  if (tried > 0)
    return new ResticError('wrong_password', 'The password opens no key of this repository.')
  return new ResticError(codes[0] ?? 'no_keys', message)
}

/**
 * The repository's keys, by the first key file that the password opens. Throws `no_keys`; `wrong_password` where at
 * least one key file was tried; else `key_damaged` or `key_refused`.
 */
export const openKeys = async (
  source: ResticSource,
  password: Uint8Array,
  options: OpenKeysOptions,
): Promise<SealingKeys> => {
  const { signal } = options
  const files = await source.list('keys', signal)
  if (files.length === 0)
    throw new ResticError('no_keys', 'There is no key file, so this cannot be opened.')
  if (files.length > resticLimits.keyFiles)
    throw new ResticError('too_large', `There are ${files.length} key files; that is too many.`)
  const codes: ResticCode[] = []
  let [tried, message] = [0, '']
  for (const { id, sizeBytes } of files) {
    checkSignal(signal)
    try {
      if (sizeBytes > resticLimits.keyFileBytes)
        throw new ResticError('key_damaged', `The key file ${shortId(id)} is too long.`)
      const keys = await tryKeyFile(source, id, password, options)
      if (keys) return keys
      tried++
    } catch (error) {
      const problem = problemOf(`keys/${id}`, error)
      codes.push(problem.code)
      message ||= problem.message
    }
  }
  throw noneOpens(codes, tried, message)
}
