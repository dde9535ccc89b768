import type { IncomingMessage } from 'node:http'
import type { ObjectBytes } from '../../objects/index.ts'
import { StorageError } from '../storage.ts'
import { failureOf } from './failures.ts'
import type { RemoteClient } from './remote-client.ts'

/** Bytes [start, end). */
export type ByteRange = { readonly start: number; readonly end: number }
/** Asks for the range; an answer of 200 or 206. @throws StorageError */
export type GetRange = (range: ByteRange) => Promise<IncomingMessage>

const resumptions = 3

const changed = (): StorageError =>
  new StorageError('unavailable', 'An object of the storage is not as long as it was.')

/** The header of a request for this range. */
export const rangeHeader = ({ start, end }: ByteRange): string => `bytes=${start}-${end - 1}`

/** How many bytes before `start` an answer begins: a store that knows no ranges sends the whole. */
const leadOf = (answer: IncomingMessage, start: number): number => {
  if (answer.statusCode === 200) return start
  const [, first] = /^bytes (\d+)-/.exec(answer.headers['content-range'] ?? '') ?? []
  if (Number(first) !== start) throw changed()
  return 0
}

/**
 * A range of an object as it comes, no faster than it is read. Where the connection breaks, it goes on from there by
 * another.
 */
export const download = (client: RemoteClient, get: GetRange, range: ByteRange): ObjectBytes => {
  const sizeBytes = range.end - range.start
  if (sizeBytes === 0) return { bytes: new Uint8Array(0) }
  let answer: IncomingMessage | undefined
  let closed = false
  const pieces = async function* (): AsyncGenerator<Buffer> {
    let at = range.start
    for (let trial = 0; at < range.end; trial += 1) {
      if (closed) return
      answer = await get({ start: at, end: range.end })
      try {
        for await (const piece of answered(client, answer, at, range.end)) {
          at += piece.length
          yield piece
        }
        // It ended cleanly, and too early.
        if (at < range.end) throw changed()
      } catch (error) {
        if (trial === resumptions || closed || !(error instanceof Broken)) throw told(error)
      } finally {
        answer.destroy()
      }
    }
  }
  return {
    sizeBytes,
    pieces: pieces(),
    close: () => {
      closed = true
      answer?.destroy()
    },
  }
}

/** A connection that broke under an answer. */
class Broken extends Error {}

const told = (error: unknown): unknown => (error instanceof Broken ? failureOf(error.cause) : error)

/** The bytes of one answer from `start` on, and none from `end`. */
const answered = async function* (
  client: RemoteClient,
  answer: IncomingMessage,
  start: number,
  end: number,
): AsyncGenerator<Buffer> {
  let skip = leadOf(answer, start)
  let left = end - start
  const parts = (answer as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
  while (left > 0) {
    // The store's time runs only while we wait for it, not while our reader takes its own.
    const next = await client.inTime(parts.next(), answer).catch((error: unknown) => {
      throw error instanceof StorageError ? error : new Broken('', { cause: error })
    })
    if (next.done === true) {
      if (!answer.complete) throw new Broken()
      return
    }
    const piece = next.value.subarray(skip, skip + left)
    skip = Math.max(0, skip - next.value.length)
    left -= piece.length
    if (piece.length > 0) yield piece
  }
  // Read to its end, a connection can be kept.
  await client.inTime(parts.next(), answer).catch(() => undefined)
}
