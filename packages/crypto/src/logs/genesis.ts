import { ByteReader, ByteWriter } from '../byte-io.ts'
import { type Bytes, equalBytes, lp, utf8 } from '../bytes.ts'
import { sha256 } from '../hash.ts'
import { IntegrityError } from '../integrity-error.ts'

/** What a log is, fixed for ever: its id is a hash of this (docs/formats/logs.md 1). */
export type Genesis = {
  /** The kind of log (packages/model: 1 account, 2 share). */
  readonly kind: number
  /** Version of the rules that the log's entries follow. */
  readonly rules: number
  /** Log id of the founder's account; zeros for an account's own log. */
  readonly founder: Bytes
  /** The log that decides who may write here; zeros where the log governs itself. */
  readonly governing: Bytes
  /** 32 bytes: random, or for an account log the hash that binds its first keys. */
  readonly salt: Bytes
}

export const genesisBytes = 72
const magic = utf8('hhg1')

/** No log: the founder and governing log of an account log. */
export const noLog: Bytes = new Uint8Array(16)

export const encodeGenesis = (genesis: Genesis): Bytes => {
  if (
    genesis.founder.length !== 16 ||
    genesis.governing.length !== 16 ||
    genesis.salt.length !== 32
  ) {
    throw new RangeError('genesis field of a wrong length')
  }
  return new ByteWriter(genesisBytes)
    .bytes(magic)
    .u16(genesis.kind)
    .u16(genesis.rules)
    .bytes(genesis.founder)
    .bytes(genesis.governing)
    .bytes(genesis.salt)
    .finish()
}

/** Reads 72 bytes; throws IntegrityError('malformed'). */
export const decodeGenesis = (bytes: Uint8Array): Genesis => {
  const reader = new ByteReader(bytes)
  if (!equalBytes(reader.bytes(4), magic))
    throw new IntegrityError('malformed', 'Not a log genesis.')
  const genesis = {
    kind: reader.u16(),
    rules: reader.u16(),
    founder: reader.bytes(16).slice(),
    governing: reader.bytes(16).slice(),
    salt: reader.bytes(32).slice(),
  }
  reader.end()
  return genesis
}

/** chain(0): SHA-256(lp("hearthold/v1/genesis", genesis bytes)); its first 16 bytes are the log id. */
export const genesisHash = (genesis: Genesis): Bytes =>
  sha256(lp('hearthold/v1/genesis', encodeGenesis(genesis)))

/** The log's id, from genesisHash. */
export const logIdOf = (chainZero: Uint8Array): Bytes => chainZero.slice(0, 16)

/** The salt of an account log: binds account id, root key and first device key to the log's id (details.md). */
export const accountLogSalt = (
  accountId: Uint8Array,
  rootPublicKey: Uint8Array,
  firstDevicePublicKey: Uint8Array,
): Bytes => sha256(lp(accountId, rootPublicKey, firstDevicePublicKey))
