/**
 * Checkpoints: a log's view at one entry, so that readers need not replay from the start
 * (docs/formats/checkpoint.md, core.md 2). The two parts are sealed objects; this is their signed header.
 */
import { deviceId } from './account/device-cert.ts'
import { ByteReader, ByteWriter } from './byte-io.ts'
import { type Bytes, equalBytes, utf8 } from './bytes.ts'
import { hkdf, hmacSha256 } from './hash.ts'
import { IntegrityError } from './integrity-error.ts'
import { sealedLogKeyBytes } from './logs/body.ts'
import { sign, verifySignature } from './signature.ts'

const label = 'hearthold/v1/checkpoint'
const magic = utf8('hhv1')
export const checkpointHeaderBytes = 226

/** What a checkpoint claims. Ids are 16 bytes, hashes 32. */
export type CheckpointHeader = {
  /** Version of the rules whose view this is. */
  readonly rules: number
  readonly log: Bytes
  /** The last entry that the view contains, and the chain hash there. */
  readonly seq: number
  readonly chain: Bytes
  /** Whose key sealed the two objects. */
  readonly epoch: number
  /** That key as its fence carries it, and the version of the key that seals it: a reader has not replayed the fence yet. */
  readonly keyVersion: number
  readonly sealedLogKey: Bytes
  /** Log id of the writer's account, and its device: whoever reads decides whether to trust it unreplayed. */
  readonly author: Bytes
  readonly device: Bytes
  /** Sealed objects: the tree part and the keys part. */
  readonly tree: Bytes
  readonly keys: Bytes
  /** checkpointViewMac of the canonical view. */
  readonly viewMac: Bytes
}

/** The 226 bytes that are signed. Throws RangeError for fields of wrong lengths. */
export const encodeCheckpointHeader = (header: CheckpointHeader): Bytes => {
  const bytes = new ByteWriter(checkpointHeaderBytes)
    .bytes(magic)
    .u16(header.rules)
    .bytes(header.log)
    .u64(header.seq)
    .bytes(header.chain)
    .u32(header.epoch)
    .u32(header.keyVersion)
    .bytes(header.sealedLogKey)
    .bytes(header.author)
    .bytes(header.device)
    .bytes(header.tree)
    .bytes(header.keys)
    .bytes(header.viewMac)
    .finish()
  const ids = [header.log, header.author, header.device, header.tree, header.keys]
  const fits =
    ids.every((id) => id.length === 16) &&
    header.chain.length === 32 &&
    header.sealedLogKey.length === sealedLogKeyBytes &&
    header.viewMac.length === 32
  if (!fits) throw new RangeError('checkpoint field of a wrong length')
  return bytes
}

/** Reads 226 bytes; IntegrityError('malformed') for anything else. Fields are copies. */
export const decodeCheckpointHeader = (bytes: Uint8Array): CheckpointHeader => {
  const reader = new ByteReader(bytes)
  if (!equalBytes(reader.bytes(4), magic)) {
    throw new IntegrityError('malformed', 'Not a checkpoint header.')
  }
  const copy = (length: number): Bytes => reader.bytes(length).slice()
  const header = {
    rules: reader.u16(),
    log: copy(16),
    seq: reader.u64(),
    chain: copy(32),
    epoch: reader.u32(),
    keyVersion: reader.u32(),
    sealedLogKey: copy(sealedLogKeyBytes),
    author: copy(16),
    device: copy(16),
    tree: copy(16),
    keys: copy(16),
    viewMac: copy(32),
  }
  reader.end()
  return header
}

/** The device's signature over lp(label, header bytes). */
export const signCheckpoint = (deviceSeed: Uint8Array, headerBytes: Uint8Array): Promise<Bytes> =>
  sign(deviceSeed, label, headerBytes)

/**
 * Reads a header and checks the signature of the device that it names. IntegrityError: 'malformed', or 'checkpoint' if the device
 * did not sign it. That the view is right is shown by replay alone, or trusted because the device is one's own.
 */
export const openCheckpointHeader = async (
  headerBytes: Uint8Array,
  signature: Uint8Array,
  devicePublicKey: Uint8Array,
): Promise<CheckpointHeader> => {
  const header = decodeCheckpointHeader(headerBytes)
  const isSigned =
    (await verifySignature(devicePublicKey, signature, label, headerBytes)) &&
    equalBytes(deviceId(devicePublicKey), header.device)
  if (!isSigned) {
    throw new IntegrityError('checkpoint', 'The checkpoint is not signed by that device.')
  }
  return header
}

/** Key of a checkpoint's object: HKDF(log key of its epoch, object id, "hearthold/v1/checkpoint"). */
export const checkpointObjectKey = (logKey: Uint8Array, objectId: Uint8Array): Bytes => {
  if (logKey.length !== 32) throw new RangeError('log key must be 32 bytes')
  if (objectId.length !== 16) throw new RangeError('object id must be 16 bytes')
  return hkdf(logKey, objectId, utf8(label))
}

/**
 * HMAC of the canonical view under HKDF(log key, log id, "hearthold/v1/checkpoint/view"). Keyed, because a
 * plain hash would let the server test guesses of what is in the view.
 */
export const checkpointViewMac = (
  logKey: Uint8Array,
  log: Uint8Array,
  canonicalView: Uint8Array,
): Bytes => {
  if (logKey.length !== 32) throw new RangeError('log key must be 32 bytes')
  if (log.length !== 16) throw new RangeError('log id must be 16 bytes')
  return hmacSha256(hkdf(logKey, log, utf8('hearthold/v1/checkpoint/view')), canonicalView)
}
