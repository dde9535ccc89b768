/**
 * Sealed objects: the one format of stored bytes (docs/formats/sealed-object.md, cryptography.md 5).
 * Segments of 256 KiB, each nonce(12) | ciphertext | tag(16), bound to object, position and end.
 */
import { native } from '#native'
import { type Bytes, equalBytes, randomBytes, utf8 } from './bytes.ts'
import { hkdf } from './hash.ts'
import { IntegrityError } from './integrity-error.ts'

/** Plaintext bytes of every segment but the last. */
export const segmentBytes = 262_144
/** What sealing adds to each segment. */
export const segmentOverheadBytes = 28
/** Stored bytes of every segment but the last: segment i begins at i times this. */
export const sealedSegmentBytes = segmentBytes + segmentOverheadBytes

const segmentLog2 = 18
const magic = utf8('hh-file1')
const segmentInfo = utf8('hearthold/v1/object/segment')
const commitmentInfo = utf8('hearthold/v1/object/commit')

const checkSize = (size: number): void => {
  if (!Number.isSafeInteger(size) || size < 0) throw new RangeError('not a size in bytes')
}

const checkObject = (key: Uint8Array, objectId: Uint8Array): void => {
  if (key.length !== 32) throw new RangeError('object key must be 32 bytes')
  if (objectId.length !== 16) throw new RangeError('object id must be 16 bytes')
}

const refuseSegment = (message: string): never => {
  throw new IntegrityError('object_segment', message)
}

/** How many segments hold `plainBytes`: at least one, the last never empty unless the object is. */
export const segmentCount = (plainBytes: number): number => {
  checkSize(plainBytes)
  return Math.max(1, Math.ceil(plainBytes / segmentBytes))
}

/** Stored bytes of an object of `plainBytes`. Throws RangeError for what is not a size. */
export const sealedSize = (plainBytes: number): number =>
  plainBytes + segmentOverheadBytes * segmentCount(plainBytes)

/** Plaintext bytes of a stored object, or undefined where no object has that many stored bytes. */
export const plainSize = (sealedBytes: number): number | undefined => {
  checkSize(sealedBytes)
  const count = Math.max(1, Math.ceil(sealedBytes / sealedSegmentBytes))
  const plain = sealedBytes - count * segmentOverheadBytes
  return plain >= 0 && sealedSize(plain) === sealedBytes ? plain : undefined
}

/** The segments that hold a range of plaintext, and where they are stored. */
export type SegmentRange = {
  /** First segment, and the one after the last. */
  readonly first: number
  readonly end: number
  /** Offsets in the stored bytes: inclusive start, exclusive end. */
  readonly sealedStart: number
  readonly sealedEnd: number
  /** Bytes of the first segment before the range. */
  readonly skip: number
}

/**
 * Where plaintext bytes [start, end) of an object of `plainBytes` are. The empty range of an empty object is
 * its one segment. Throws RangeError outside the object.
 */
export const segmentRange = (start: number, end: number, plainBytes: number): SegmentRange => {
  checkSize(start)
  checkSize(end)
  checkSize(plainBytes)
  if (start > end || end > plainBytes) throw new RangeError('range outside the object')
  const first = Math.min(Math.floor(start / segmentBytes), segmentCount(plainBytes) - 1)
  const after = Math.max(first + 1, Math.ceil(end / segmentBytes))
  return {
    first,
    end: after,
    sealedStart: first * sealedSegmentBytes,
    sealedEnd: Math.min(after * sealedSegmentBytes, sealedSize(plainBytes)),
    skip: start - first * segmentBytes,
  }
}

/** "hh-file1" | object id (16) | index u64be | last u8 | log2(segment) u8: 34 bytes. */
const createSegmentAad = (objectId: Uint8Array): ((index: number, last: boolean) => Bytes) => {
  const frame = new Uint8Array(34)
  frame.set(magic)
  frame.set(objectId, 8)
  frame[33] = segmentLog2
  return (index, last) => {
    if (!Number.isSafeInteger(index) || index < 0) throw new RangeError('not a segment index')
    const aad = frame.slice()
    new DataView(aad.buffer).setBigUint64(24, BigInt(index))
    aad[32] = last ? 1 : 0
    return aad
  }
}

/**
 * HKDF(object key, object id, "hearthold/v1/object/commit"): kept sealed beside the key, because AES-GCM
 * alone lets one ciphertext open under two keys. Throws RangeError for wrong lengths.
 */
export const objectCommitment = (key: Uint8Array, objectId: Uint8Array): Bytes => {
  checkObject(key, objectId)
  return hkdf(key, objectId, commitmentInfo)
}

export type ObjectSealer = {
  /** Goes into the entry that introduces the object. */
  readonly commitment: Bytes
  /**
   * Seals one segment under a fresh nonce. Only the last may be shorter than 256 KiB, and it may be empty
   * only as segment 0; throws RangeError otherwise.
   */
  sealSegment(index: number, last: boolean, plaintext: Uint8Array): Promise<Bytes>
  /** The same as consecutive pieces whose memory is the caller's: for streams, which need not be one array. */
  sealPieces(index: number, last: boolean, plaintext: Uint8Array): Promise<readonly Bytes[]>
}

/** Seals segments of one object, in any order. The key is random per object and never used for another. */
export const createObjectSealer = (key: Uint8Array, objectId: Uint8Array): ObjectSealer => {
  const commitment = objectCommitment(key, objectId)
  const segmentKey = hkdf(key, objectId, segmentInfo)
  const aadOf = createSegmentAad(objectId)
  const checkLength = (index: number, last: boolean, length: number): void => {
    const fits = last
      ? length <= segmentBytes && (length > 0 || index === 0)
      : length === segmentBytes
    if (!fits) throw new RangeError('segment of a wrong length')
  }
  return {
    commitment,
    async sealSegment(index, last, plaintext) {
      checkLength(index, last, plaintext.length)
      return native.sealAesGcm(segmentKey, randomBytes(12), plaintext, aadOf(index, last))
    },
    async sealPieces(index, last, plaintext) {
      checkLength(index, last, plaintext.length)
      return native.sealAesGcmPieces(segmentKey, randomBytes(12), plaintext, aadOf(index, last))
    },
  }
}

export type ObjectOpener = {
  /** Opens one segment; IntegrityError('object_segment') unless it is exactly that segment of this object. */
  openSegment(index: number, last: boolean, sealed: Uint8Array): Promise<Bytes>
}

/**
 * Opens segments of one object. `commitment` is what the author wrote beside the key: IntegrityError
 * ('object_commitment') if it is not this key's. (Whoever made the key passes `objectCommitment` of it.)
 */
export const createObjectOpener = (
  key: Uint8Array,
  objectId: Uint8Array,
  commitment: Uint8Array,
): ObjectOpener => {
  if (!equalBytes(objectCommitment(key, objectId), commitment)) {
    throw new IntegrityError('object_commitment', 'The key is not the one its author committed to.')
  }
  const segmentKey = hkdf(key, objectId, segmentInfo)
  const aadOf = createSegmentAad(objectId)
  return {
    async openSegment(index, last, sealed) {
      const length = sealed.length - segmentOverheadBytes
      const fits = last
        ? length <= segmentBytes && (length > 0 || (length === 0 && index === 0))
        : length === segmentBytes
      if (!fits) refuseSegment('A segment has a length that none can have.')
      const opened = await native.openAesGcm(segmentKey, sealed, aadOf(index, last))
      return opened ?? refuseSegment('A segment was changed, moved, or belongs to another object.')
    },
  }
}

/** Seals a whole object in memory: what `sealStream` yields, as one array. */
export const sealObject = async (
  key: Uint8Array,
  objectId: Uint8Array,
  plaintext: Uint8Array,
): Promise<Bytes> => {
  const sealer = createObjectSealer(key, objectId)
  const count = segmentCount(plaintext.length)
  const out = new Uint8Array(sealedSize(plaintext.length))
  for (let index = 0; index < count; index++) {
    const part = plaintext.subarray(index * segmentBytes, (index + 1) * segmentBytes)
    out.set(await sealer.sealSegment(index, index === count - 1, part), index * sealedSegmentBytes)
  }
  return out
}

/**
 * Opens a whole stored object in memory; nothing is returned unless all of it verifies.
 * IntegrityError: 'object_commitment', or 'object_segment' for anything cut, added, moved or changed.
 */
export const openObject = async (
  key: Uint8Array,
  objectId: Uint8Array,
  commitment: Uint8Array,
  sealed: Uint8Array,
): Promise<Bytes> => {
  const opener = createObjectOpener(key, objectId, commitment)
  const size = plainSize(sealed.length) ?? refuseSegment('No object has that many stored bytes.')
  const count = segmentCount(size)
  const out = new Uint8Array(size)
  for (let index = 0; index < count; index++) {
    const part = sealed.subarray(index * sealedSegmentBytes, (index + 1) * sealedSegmentBytes)
    out.set(await opener.openSegment(index, index === count - 1, part), index * segmentBytes)
  }
  return out
}
