import {
  bundledObjectLimitBytes,
  bundleLimitBytes,
  bundleLimitObjects,
  getBundle as getBundleEndpoint,
  putBundle as putBundleEndpoint,
} from '@hearthold/contract'
import type { Client } from './client.ts'
import { NetworkError } from './network-error.ts'

/** One sealed object: its id (32 hex digits) and its stored bytes. */
export type BundledObject = { readonly object: string; readonly bytes: Uint8Array }

/** Bytes before each object in a bundle: id 16, length u32 big-endian. */
const frameBytes = 20

/** True where an object may travel in a bundle; larger ones are uploaded by themselves. */
export const fitsBundle = (sizeBytes: number): boolean => sizeBytes <= bundledObjectLimitBytes

const writeId = (target: Uint8Array, offset: number, object: string): void => {
  if (!/^[0-9a-f]{32}$/.test(object)) throw new RangeError('An object id has 32 hex digits')
  for (let i = 0; i < 16; i++)
    target[offset + i] = Number.parseInt(object.slice(2 * i, 2 * i + 2), 16)
}

/** Encodes a bundle: per object id 16 bytes, length u32 big-endian, bytes. Throws `RangeError` beyond the contract's limits. */
export const encodeBundle = (objects: readonly BundledObject[]): Uint8Array => {
  const sizeBytes = objects.reduce((sum, { bytes }) => sum + frameBytes + bytes.length, 0)
  if (objects.length > bundleLimitObjects || sizeBytes > bundleLimitBytes)
    throw new RangeError('A bundle would be too large')
  const bundle = new Uint8Array(sizeBytes)
  const view = new DataView(bundle.buffer)
  let offset = 0
  for (const { object, bytes } of objects) {
    if (!fitsBundle(bytes.length)) throw new RangeError('An object is too large for a bundle')
    writeId(bundle, offset, object)
    view.setUint32(offset + 16, bytes.length)
    bundle.set(bytes, offset + frameBytes)
    offset += frameBytes + bytes.length
  }
  return bundle
}

/** Decodes a bundle into views of `bundle`, not copies. Throws `RangeError` where it is cut off or beyond the limits. */
export const decodeBundle = (bundle: Uint8Array): BundledObject[] => {
  const view = new DataView(bundle.buffer, bundle.byteOffset, bundle.byteLength)
  const objects: BundledObject[] = []
  let offset = 0
  while (offset < bundle.length) {
    if (objects.length === bundleLimitObjects || offset + frameBytes > bundle.length)
      throw new RangeError('A bundle is malformed')
    const object = Array.from(bundle.subarray(offset, offset + 16), (byte) =>
      byte.toString(16).padStart(2, '0'),
    ).join('')
    const end = offset + frameBytes + view.getUint32(offset + 16)
    if (end > bundle.length) throw new RangeError('A bundle is malformed')
    objects.push({ object, bytes: bundle.subarray(offset + frameBytes, end) })
    offset = end
  }
  return objects
}

/** Splits objects, in their order, into bundles within the contract's limits. */
export function* planBundles<T extends { readonly sizeBytes: number }>(
  objects: Iterable<T>,
): Generator<T[]> {
  let bundle: T[] = []
  let sizeBytes = 0
  for (const object of objects) {
    const needed = frameBytes + object.sizeBytes
    if (
      bundle.length === bundleLimitObjects ||
      (bundle.length > 0 && sizeBytes + needed > bundleLimitBytes)
    ) {
      yield bundle
      bundle = []
      sizeBytes = 0
    }
    bundle.push(object)
    sizeBytes += needed
  }
  if (bundle.length > 0) yield bundle
}

/** Stores small objects; all are durable when this resolves. A repeat of the same bytes is accepted by the server. */
export const putBundle = async (
  client: Client,
  objects: readonly BundledObject[],
  signal?: AbortSignal,
): Promise<void> => {
  const { stored } = await client.call(putBundleEndpoint, { body: encodeBundle(objects), signal })
  if (stored !== objects.length)
    throw new NetworkError(
      'protocol',
      'The server counted another number of objects than were sent.',
    )
}

/** Reads small objects (at most `bundleLimitObjects`), in the order asked. Throws `ProblemError` `not_found` or `too_large`. */
export const getBundle = async (
  client: Client,
  objects: readonly string[],
  signal?: AbortSignal,
): Promise<Uint8Array[]> => {
  if (objects.length === 0) return []
  const bundle = await client.call(getBundleEndpoint, { body: { objects: [...objects] }, signal })
  let read: BundledObject[]
  try {
    read = decodeBundle(bundle)
  } catch {
    throw new NetworkError('protocol', 'The server answered with a malformed bundle.')
  }
  if (
    read.length !== objects.length ||
    read.some(({ object }, index) => object !== objects[index])
  ) {
    throw new NetworkError(
      'protocol',
      'The server answered with other objects than were asked for.',
    )
  }
  return read.map(({ bytes }) => bytes)
}
