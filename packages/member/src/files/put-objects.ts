/** Sealing files into stored objects: small ones in bundles, large ones segment by segment. */
import { type BundledObject, fitsBundle, putBundle, uploadObject } from '@hearthold/client'
import { bundleLimitObjects, ProblemError } from '@hearthold/contract'
import {
  type Bytes,
  concat,
  createObjectSealer,
  fromHex,
  type ObjectSealer,
  randomBytes,
  randomId,
  sealedSegmentBytes,
  sealedSize,
  segmentBytes,
  segmentCount,
  toHex,
} from '@hearthold/crypto'
import type { Content } from '@hearthold/model'
import { blocksOf, createCrew, mapAhead, readAhead, SourceChangedError } from './flow.ts'
import { chunksOf, type LocalFile } from './local-item.ts'
import type { ResumeRecord, Resumes } from './resume.ts'
import type { Share } from './share.ts'

/** A file's bytes as they are stored, and what opens them. */
export type StoredFile = {
  readonly object: string
  readonly sizeBytes: number
  readonly content: Content
}

/** Small enough to travel in a bundle once sealed. */
export const isSmall = (file: LocalFile): boolean => fitsBundle(sealedSize(file.size))

/** The whole of a small file, which may have become shorter or longer since it was listed. */
const readSmall = async (file: LocalFile): Promise<Uint8Array> => {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const chunk of chunksOf(file, 0)) {
    length += chunk.length
    if (!fitsBundle(sealedSize(length))) throw new SourceChangedError()
    parts.push(parts.length === 0 && chunk.length === file.size ? chunk : chunk.slice())
  }
  if (parts.length === 1) return parts[0]!
  const all = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

const sealWhole = async (sealer: ObjectSealer, plain: Uint8Array): Promise<Bytes> => {
  const count = segmentCount(plain.length)
  if (count === 1) return sealer.sealSegment(0, true, plain)
  const out = new Uint8Array(sealedSize(plain.length))
  for (let index = 0; index < count; index++) {
    const part = plain.subarray(index * segmentBytes, (index + 1) * segmentBytes)
    out.set(await sealer.sealSegment(index, index === count - 1, part), index * sealedSegmentBytes)
  }
  return out
}

/** Reads and seals a small file. Throws SourceError or SourceChangedError. */
export const sealSmall = async (file: LocalFile): Promise<{ stored: StoredFile; bytes: Bytes }> => {
  const objectId = randomId()
  const key = randomBytes(32)
  const sealer = createObjectSealer(key, objectId)
  const plain = await readSmall(file)
  const bytes = await sealWhole(sealer, plain)
  const content = { key, commitment: sealer.commitment, sizeBytes: plain.length }
  return { stored: { object: toHex(objectId), sizeBytes: bytes.length, content }, bytes }
}

/** Bundles are sent well below the limit: the next is filled while these travel, and memory stays small. */
const bundleBytes = 4 * 1024 * 1024
const bundlesUnderWay = 3

type Waiting = { readonly object: BundledObject; readonly done: () => Promise<void> }

/** Gathers sealed files into bundles; `done` of each runs once its bytes are durable at the server. */
export const createBundler = (share: Share, signal: AbortSignal) => {
  const crew = createCrew(bundlesUnderWay)
  let waiting: Waiting[] = []
  let waitingBytes = 0
  const isFull = (moreBytes: number): boolean =>
    waiting.length >= bundleLimitObjects ||
    (waiting.length > 0 && waitingBytes + moreBytes > bundleBytes)
  const sendWaiting = async (): Promise<void> => {
    if (waiting.length === 0) return
    const bundle = waiting
    waiting = []
    waitingBytes = 0
    await crew.add(async () => {
      const objects = bundle.map(({ object }) => object)
      await putBundle(share.member.context.client, objects, signal)
      for (const { done } of bundle) await done()
    })
  }
  return {
    async add(object: BundledObject, done: () => Promise<void>): Promise<void> {
      // Several callers wait here at once: each looks again before it adds.
      while (isFull(object.bytes.length)) await sendWaiting()
      waiting.push({ object, done })
      waitingBytes += object.bytes.length
    },
    async end(): Promise<void> {
      await sendWaiting()
      await crew.end()
    },
  }
}

/** Segments sealed ahead of the one being sent: in browsers they are sealed in parallel. */
const sealAhead = 8
/** Nonce and tag; in browsers the tag hangs on the ciphertext. */
const smallBytes = 28

/** The stored bytes from `offset` on, a whole number of segments. */
async function* sealFrom(
  sealer: ObjectSealer,
  file: LocalFile,
  offset: number,
): AsyncGenerator<Uint8Array> {
  const count = segmentCount(file.size)
  const first = offset / sealedSegmentBytes
  if (!Number.isInteger(first)) throw new RangeError('an upload goes on at a whole segment')
  if (first >= count) return
  const from = first * segmentBytes
  if (file.size === 0) {
    yield await sealer.sealSegment(0, true, new Uint8Array(0))
    return
  }
  const blocks = blocksOf(readAhead(chunksOf(file, from)), segmentBytes, file.size - from)
  const sealed = mapAhead(blocks, sealAhead, (block, i) =>
    sealer.sealPieces(first + i, first + i === count - 1, block),
  )
  // A segment's tag and the next one's nonce travel together: a line takes one small piece better than two.
  let small: Uint8Array = new Uint8Array(0)
  for await (const [nonce, ...pieces] of sealed) {
    yield concat(small, nonce!)
    for (const piece of pieces.slice(0, -1)) yield piece
    small = pieces.at(-1)!
    if (small.length > smallBytes) {
      yield small
      small = new Uint8Array(0)
    }
  }
  if (small.length > 0) yield small
}

/** The object was stored by an earlier run that was cut off before it could say so; ids are random, so it is ours. */
const isStoredAlready = (error: unknown): boolean =>
  error instanceof ProblemError && error.code === 'object_exists'

/**
 * Uploads a large file, going on with an earlier upload of the same source where the record of one is there: under
 * the same object key, with new nonces for the segments that are still missing. Throws SourceError,
 * SourceChangedError, ProblemError or NetworkError.
 */
export const uploadLarge = async (
  share: Share,
  path: string,
  file: LocalFile,
  options: { resumes: Resumes; signal: AbortSignal; onProgress: (plainBytes: number) => void },
): Promise<StoredFile> => {
  const { resumes, signal } = options
  const earlier = await resumes.find(path, file)
  const object = earlier?.object ?? toHex(randomId())
  const key = earlier?.objectKey ?? randomBytes(32)
  const sealer = createObjectSealer(key, fromHex(object))
  const sizeBytes = sealedSize(file.size)
  const record = (upload: string): ResumeRecord => ({ object, objectKey: key, upload })
  try {
    await uploadObject(share.member.context.client, {
      object,
      sizeBytes,
      open: (offset) => sealFrom(sealer, file, offset),
      ...(earlier ? { upload: earlier.upload } : {}),
      onUpload: (upload) => resumes.put(path, file, record(upload)),
      onProgress: (done) => options.onProgress(Math.min(file.size, done)),
      signal,
    })
  } catch (error) {
    if (!earlier || !isStoredAlready(error)) throw error
  }
  return {
    object,
    sizeBytes,
    content: { key, commitment: sealer.commitment, sizeBytes: file.size },
  }
}
