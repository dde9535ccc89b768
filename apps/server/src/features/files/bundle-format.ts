import {
  bundledObjectLimitBytes,
  bundleLimitBytes,
  bundleLimitObjects,
  ProblemError,
} from '@hearthold/contract'
import { plainSize } from '@hearthold/crypto'
import type { SmallObject } from '#platform/objects/index.ts'

/** Before each object of a bundle: id (16 bytes) and length (u32be). */
const headerBytes = 20

/** The most that `objects` ids in a bundle add to the objects' own bytes. */
export const bundleOverheadBytes = (objects: number): number => objects * headerBytes

/**
 * Takes a bundle apart; the objects' bytes are views of it.
 * @throws ProblemError `object_invalid`
 */
export const parseBundle = (bundle: Uint8Array): SmallObject[] => {
  const buffer = Buffer.from(bundle.buffer, bundle.byteOffset, bundle.byteLength)
  const objects: SmallObject[] = []
  const ids = new Set<string>()
  for (let at = 0; at < buffer.length;) {
    if (buffer.length - at < headerBytes) throw invalid()
    const id = buffer.toString('hex', at, at + 16)
    const length = buffer.readUInt32BE(at + 16)
    const start = at + headerBytes
    if (length > bundledObjectLimitBytes || length > buffer.length - start) throw invalid()
    if (ids.has(id) || ids.size === bundleLimitObjects || !isObjectSize(length)) throw invalid()
    ids.add(id)
    objects.push({ id, bytes: buffer.subarray(start, start + length) })
    at = start + length
  }
  if (objects.length === 0) throw invalid()
  return objects
}

/** Puts a bundle together. @throws ProblemError `too_large` */
export const encodeBundle = (objects: readonly SmallObject[]): Uint8Array => {
  const sizeBytes = objects.reduce((sum, { bytes }) => sum + headerBytes + bytes.length, 0)
  if (sizeBytes > bundleLimitBytes) throw bundleTooLarge()
  const bundle = Buffer.allocUnsafe(sizeBytes)
  let at = 0
  for (const { id, bytes } of objects) {
    bundle.write(id, at, 'hex')
    bundle.writeUInt32BE(bytes.length, at + 16)
    bundle.set(bytes, at + headerBytes)
    at += headerBytes + bytes.length
  }
  return bundle
}

/** True for the stored bytes of some object: whole segments and a last one that holds something. */
export const isObjectSize = (sizeBytes: number): boolean => plainSize(sizeBytes) !== undefined

export const bundleTooLarge = (): ProblemError =>
  new ProblemError('too_large', 'These objects do not fit into one bundle.', {
    extra: { limitBytes: bundleLimitBytes },
  })

const invalid = (): ProblemError =>
  new ProblemError('object_invalid', 'This is not a bundle of sealed objects.')
